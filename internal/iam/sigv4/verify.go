package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Verify reports whether the signature was made with the secret, in constant
// time; an empty secret fits nothing. It is the last check: without Check it
// says nothing about time, region or host.
func (s *Signed) Verify(secret string) error {
	if secret == "" {
		return fail(CheckSignature, "there is no secret to compare with")
	}
	return s.VerifyKey(SigningKey(secret, s.ScopeDate, s.Region, s.Service))
}

// VerifyKey is Verify with a signing key that the caller has kept. It must be
// SigningKey of this signature's own ScopeDate, Region and Service.
func (s *Signed) VerifyKey(key [32]byte) error {
	want := mac(key[:], s.stringToSign())
	if s.algorithm != Algorithm || s.terminator != terminator || !hmac.Equal(want[:], s.signature[:]) {
		return fail(CheckSignature, "does not fit the secret of %s, or something signed was changed", short(s.AccessKeyID))
	}
	return nil
}

// SigningKey derives the key of one secret, day (yyyymmdd), region and service.
// It is as secret as the secret; keep it no longer than the day.
func SigningKey(secret, date, region, service string) [32]byte {
	key := mac([]byte("AWS4"+secret), []byte(date))
	key = mac(key[:], []byte(region))
	key = mac(key[:], []byte(service))
	return mac(key[:], []byte(terminator))
}

func mac(key, text []byte) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	h.Sum(sum[:0])
	return sum
}
