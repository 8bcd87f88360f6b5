package iam

import eventbus "github.com/enterprise-event-bus/eventbus"

// SealForeign encrypts the secret of an access key that AWS made, with a key
// derived from the master key for nothing else; the box opens for the same user
// (ARN) and key id only. The directory does not keep it. CodeUnavailable without
// randomness.
func (d *Directory) SealForeign(user, keyID, secret string) ([]byte, error) {
	return d.vault.sealed(d.vault.foreign, []byte(secret), keyLabel(keyID, user))
}

// OpenForeign gives the secret that SealForeign encrypted, on any instance with
// the same master key; CodeCorrupt when it was altered, or is of another user, key
// or master key.
func (d *Directory) OpenForeign(user, keyID string, box []byte) (string, error) {
	plain, err := opened(d.vault.foreign, box, keyLabel(keyID, user))
	if err != nil {
		return "", eventbus.Errorf(eventbus.CodeCorrupt, "the secret of key %s of %s: %w", keyID, user, err)
	}
	return string(plain), nil
}
