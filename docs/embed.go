// Package docs embeds the guides that the portal shows. It owns nothing but the
// files: guide/*.md, Markdown whose first line is the title.
package docs

import "embed"

// Guides holds guide/*.md.
//
//go:embed guide
var Guides embed.FS
