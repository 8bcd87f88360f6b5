package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Form is how a signature arrived.
type Form string

// The forms.
const (
	Payload Form = "AWS_MSK_IAM" // JSON of the SASL mechanism AWS_MSK_IAM
	Token   Form = "OAUTHBEARER" // presigned URL of the MSK signers
	Header  Form = "header"      // Authorization header of an STS request
)

// The values that a signature for Kafka or STS must carry.
const (
	Algorithm     = "AWS4-HMAC-SHA256"
	ConnectAction = "kafka-cluster:Connect"
	KafkaService  = "kafka-cluster"
	STSService    = "sts"
	DefaultRegion = "us-gov-west-1"
	terminator    = "aws4_request"
	dateLayout    = "20060102T150405Z"
)

// Limits.
const (
	MaxPayload = 16 << 10          // bytes of an AWS_MSK_IAM message
	MaxToken   = 8 << 10           // bytes of an OAUTHBEARER token
	MaxInitial = MaxToken + 2<<10  // bytes of the whole OAUTHBEARER message
	MaxExpires = 900 * time.Second // AWS's own bound for MSK
	MaxSkew    = 5 * time.Minute   // how far a client's clock may run ahead
	Grace      = 30 * time.Second  // how long after its end a signature still counts
	maxParams  = 32
)

// Signed is one parsed signature: syntactically whole, nothing verified. Only
// after Check and Verify may anything in it be believed, and UserAgent never.
type Signed struct {
	Form         Form
	AccessKeyID  string
	SessionToken string // of temporary keys, else empty; compare it in constant time
	Region       string // from the credential scope
	Service      string // from the credential scope
	ScopeDate    string // yyyymmdd, from the credential scope
	Host         string
	Action       string        // empty for Header
	Date         time.Time     // when it was signed, in UTC, to the second
	Expires      time.Duration // how long it is valid after Date; 0 for Header
	UserAgent    string        // for the log; not covered by the signature in Payload and Token

	algorithm     string
	terminator    string
	signedHeaders string
	date          string   // X-Amz-Date as sent
	request       [32]byte // SHA-256 of the canonical request
	signature     [32]byte
}

// String names the caller for a log: never the signature nor the token.
func (s *Signed) String() string {
	return string(s.Form) + " " + s.AccessKeyID + "/" + s.ScopeDate + "/" + s.Region + "/" + s.Service
}

// Fingerprint tells one signature from another; nothing can be signed with it.
func (s *Signed) Fingerprint() [32]byte { return sha256.Sum256(s.signature[:]) }

// End is when the signature stops to count, whatever else holds.
func (s *Signed) End() time.Time {
	if s.Form == Header { // which has no expiry of its own: it counts for MaxSkew, as AWS has it
		return s.Date.Add(MaxSkew)
	}
	return s.Date.Add(s.Expires + Grace)
}

// Failure is why a signature is refused: one of the Check names and words for
// the audit log. The client is told the same text for all of them. Detail never
// holds a secret, a session token or a signature.
type Failure struct {
	Check  string
	Detail string
}

// Error gives "check: detail".
func (f *Failure) Error() string { return "signature refused: " + f.Check + ": " + f.Detail }

// The closed list of Failure.Check, in the order in which they are made.
const (
	CheckSize          = "size"           // longer than the limit
	CheckSyntax        = "syntax"         // not JSON, base64url, a URL, a header of the right form
	CheckField         = "field"          // a field is missing, doubled, empty or unknown
	CheckVersion       = "version"        // of the AWS_MSK_IAM payload
	CheckCredential    = "credential"     // not KEY/yyyymmdd/region/service/aws4_request
	CheckDate          = "date"           // X-Amz-Date is no date
	CheckExpires       = "expires"        // X-Amz-Expires is no number, or not in (0, 900] seconds
	CheckSignatureForm = "signature-form" // not 64 lower-case hexadecimal digits
	CheckAlgorithm     = "algorithm"      // not AWS4-HMAC-SHA256
	CheckSignedHeaders = "signed-headers" // not host, or for STS without host and x-amz-date
	CheckAction        = "action"         // not kafka-cluster:Connect
	CheckService       = "service"        // signed for another service
	CheckTerminator    = "terminator"     // scope does not end in aws4_request
	CheckScopeDay      = "scope-day"      // scope and X-Amz-Date name different days
	CheckRegion        = "region"         // signed for a region that is not ours
	CheckNotYet        = "not-yet"        // signed in the future
	CheckExpired       = "expired"        // over
	CheckHost          = "host"           // signed for another host
	CheckSignature     = "signature"      // does not fit the secret
)

// Checks returns the closed list of check names, in order.
func Checks() []string {
	return []string{
		CheckSize, CheckSyntax, CheckField, CheckVersion, CheckCredential, CheckDate, CheckExpires, CheckSignatureForm,
		CheckAlgorithm, CheckSignedHeaders, CheckAction, CheckService, CheckTerminator, CheckScopeDay, CheckRegion,
		CheckNotYet, CheckExpired, CheckHost, CheckSignature,
	}
}

func fail(check, format string, args ...any) *Failure {
	return &Failure{Check: check, Detail: fmt.Sprintf(format, args...)}
}

// short quotes what a client sent, cut to what a log line bears.
func short(s string) string {
	if len(s) > 64 {
		s = s[:64] + "..."
	}
	return strconv.QuoteToASCII(s)
}

// fields are the parts of a signature as they were sent.
type fields struct {
	algorithm, credential, date, expires, signedHeaders, signature string
}

// read checks the form of the fields and fills them in.
func (s *Signed) read(f fields) error {
	s.algorithm, s.signedHeaders = f.algorithm, f.signedHeaders
	if err := s.readCredential(f.credential); err != nil {
		return err
	}
	var err error
	if s.Date, err = time.Parse(dateLayout, f.date); err != nil || len(f.date) != len(dateLayout) {
		return fail(CheckDate, "X-Amz-Date is %s", short(f.date))
	}
	s.date = f.date
	if s.Form != Header {
		if s.Expires, err = parseExpires(f.expires); err != nil {
			return err
		}
	}
	if len(f.signature) != hex.EncodedLen(len(s.signature)) || strings.ToLower(f.signature) != f.signature {
		return fail(CheckSignatureForm, "not 64 lower-case hexadecimal digits")
	}
	if _, err := hex.Decode(s.signature[:], []byte(f.signature)); err != nil {
		return fail(CheckSignatureForm, "not 64 lower-case hexadecimal digits")
	}
	return nil
}

func (s *Signed) readCredential(credential string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return fail(CheckCredential, "%d parts instead of 5", len(parts))
	}
	for i, p := range parts {
		if p == "" || len(p) > 128 || !isWord(p) {
			return fail(CheckCredential, "part %d is %s", i+1, short(p))
		}
	}
	s.AccessKeyID, s.ScopeDate, s.Region, s.Service, s.terminator = parts[0], parts[1], parts[2], parts[3], parts[4]
	return nil
}

// isWord reports whether s is made of letters, digits, - and _ only.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isHost refuses what could not stand in a Host header.
func isHost(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '/' || s[i] == '@' {
			return false
		}
	}
	return s != "" && len(s) <= 261 // 255 of a name, 6 of a port
}

// parseExpires reads seconds as a decimal number. The JavaScript signer sends
// fractions when its keys end within the quarter of an hour.
func parseExpires(text string) (time.Duration, error) {
	whole, fraction, dot := strings.Cut(text, ".")
	if whole == "" || len(whole) > 6 || len(fraction) > 9 || dot && fraction == "" || !isDigits(whole) || !isDigits(fraction) {
		return 0, fail(CheckExpires, "X-Amz-Expires is %s", short(text))
	}
	seconds, _ := strconv.Atoi(whole)
	nanos, _ := strconv.Atoi((fraction + "000000000")[:9])
	return time.Duration(seconds)*time.Second + time.Duration(nanos), nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// finish is read for the end of a parser: no Signed together with an error.
func (s *Signed) finish(f fields) (*Signed, error) {
	if err := s.read(f); err != nil {
		return nil, err
	}
	return s, nil
}
