package session

import (
	"net/url"
	"path"
	"strings"
)

// maxReturn bounds a return path, in bytes.
const maxReturn = 1500

// SafeReturn gives the page to show after sign-in: target when it is a plain
// path of this portal (with query), else "/". Anything that a browser could
// read as another address is refused: schemes, hosts, backslashes, control
// characters, doubled slashes, dot segments; so are the sign-in pages, which
// would turn in circles.
func SafeReturn(target string) string {
	if !strings.HasPrefix(target, "/") || len(target) > maxReturn || strings.Contains(target, " ") || strings.ContainsFunc(target, unsafeInAddress) {
		return "/"
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return "/"
	}
	clean := path.Clean(u.Path)
	if clean != "/" && strings.HasSuffix(u.Path, "/") {
		clean += "/"
	}
	if clean != u.Path || strings.ContainsFunc(u.Path, unsafeInAddress) || strings.ContainsFunc(u.Fragment, unsafeInAddress) {
		return "/"
	}
	for _, own := range []string{"/login", "/logout", "/dev/idp"} {
		if clean == own || strings.HasPrefix(clean, own+"/") {
			return "/"
		}
	}
	return u.String()
}

// unsafeInAddress are characters that browsers drop or turn into slashes.
func unsafeInAddress(r rune) bool {
	return r < ' ' || r == '\\' || r >= 0x7f && r <= 0x9f || r == 0xfffd
}
