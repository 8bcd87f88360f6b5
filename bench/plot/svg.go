package main

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

// Sizes of a drawing, in pixels.
const (
	labelWidth = 270
	plotWidth  = 430
	valueWidth = 60
	lineHeight = 22
	headHeight = 64
)

// draw gives the SVG. The scale is logarithmic, so that twice as good and half
// as good are equally far from the middle.
func (c comparison) draw(report *measure.Report) string {
	rows := c.rows(report)
	reach := 2.0 // the least factor that the scale shows on both sides
	for _, r := range rows {
		reach = max(reach, r.most, 1/r.least)
	}
	at := func(ratio float64) float64 {
		return labelWidth + plotWidth*(0.5+0.5*math.Log(ratio)/math.Log(reach*1.05))
	}
	height := headHeight + lineHeight*len(rows) + 12
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">`+"\n",
		labelWidth+plotWidth+valueWidth, height)
	fmt.Fprintf(&out, `<title>%s</title><rect width="100%%" height="100%%" fill="#fff"/>`+"\n", html.EscapeString(c.title))
	fmt.Fprintf(&out, `<text x="12" y="22" font-size="15" font-weight="bold">%s</text>`+"\n", html.EscapeString(c.title))
	fmt.Fprintf(&out, `<text x="%.0f" y="46" text-anchor="end" fill="#555">← %s ahead</text><text x="%.0f" y="46" fill="#555">%s ahead →</text>`+"\n",
		at(1)-10, html.EscapeString(c.other), at(1)+10, html.EscapeString(c.oursIs))
	for factor := 1.0; factor <= reach; factor *= 2 {
		for _, ratio := range []float64{factor, 1 / factor} {
			fmt.Fprintf(&out, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s"/>`+"\n", at(ratio), at(ratio), headHeight-10, height-8,
				map[bool]string{true: "#333", false: "#e3e3e3"}[factor == 1])
		}
	}
	for i, r := range rows {
		y := headHeight + lineHeight*i + 8
		colour := "#005ea2"
		if r.median < 1 {
			colour = "#b50909"
		}
		fmt.Fprintf(&out, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth-8, y+4, html.EscapeString(r.label))
		fmt.Fprintf(&out, `<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="%s" stroke-width="2" opacity=".45"/>`, at(r.least), at(r.most), y, y, colour)
		fmt.Fprintf(&out, `<circle cx="%.1f" cy="%d" r="4.5" fill="%s"/>`, at(r.median), y, colour)
		fmt.Fprintf(&out, `<text x="%d" y="%d" fill="%s">%.2f×</text>`+"\n", labelWidth+plotWidth+8, y+4, colour, r.median)
	}
	out.WriteString("</svg>\n")
	return out.String()
}
