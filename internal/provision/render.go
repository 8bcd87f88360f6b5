package provision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	eventbus "github.com/enterprise-event-bus/eventbus"
)

// Render is a plan for people: grouped by event, + create, ~ change in place,
// - remove, ! needs approval; old → new in columns, what a change means on the
// lines below it, removals last, and a summary. What would move a terminal's
// cursor is escaped. The text ends in a newline.
func Render(plan eventbus.Plan) string {
	if plan.Empty() {
		return "No changes.\n"
	}
	var b strings.Builder
	groups := map[string][]eventbus.Change{}
	for _, c := range plan.Changes {
		title := groupOf(c)
		groups[title] = append(groups[title], c)
	}
	titles := make([]string, 0, len(groups))
	for title := range groups {
		titles = append(titles, title)
	}
	slices.Sort(titles)
	for _, title := range titles {
		renderGroup(&b, title, groups[title])
	}
	add, change, remove, approval := plan.Counts()
	need := "need"
	if approval == 1 {
		need = "needs"
	}
	fmt.Fprintf(&b, "%d to add, %d to change, %d to remove, %d %s approval\n", add, change, remove, approval, need)
	return b.String()
}

func groupOf(c eventbus.Change) string {
	switch {
	case c.Event != "":
		return "event " + printable(c.Event)
	case c.Resource == eventbus.ResourceEnvironment:
		return "environments"
	default:
		return "several events"
	}
}

// longest is the widest value that stays on the line of its change.
const longest = 60

func renderGroup(b *strings.Builder, title string, changes []eventbus.Change) {
	slices.SortStableFunc(changes, func(x, y eventbus.Change) int {
		return cmp.Compare(removes(x), removes(y))
	})
	rows := make([][3]string, len(changes)) // what, old, new
	var widths [2]int
	for i, c := range changes {
		rows[i] = [3]string{whatOf(c), valueShown(c, c.Old), valueShown(c, c.New)}
		widths[0] = max(widths[0], utf8.RuneCountInString(rows[i][0]))
		if !long(rows[i]) && c.Action != eventbus.ActionCreate {
			widths[1] = max(widths[1], utf8.RuneCountInString(rows[i][1]))
		}
	}
	b.WriteString(title + "\n")
	for i, c := range changes {
		line := "  " + pad(mark(c), 2) + " " + pad(rows[i][0], widths[0])
		switch {
		case long(rows[i]):
		case c.Action == eventbus.ActionCreate:
			line += "  " + rows[i][2]
		default:
			line += "  " + pad(rows[i][1], widths[1]) + " → " + rows[i][2]
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if long(rows[i]) {
			listValues(b, "- ", c.Old)
			listValues(b, "+ ", c.New)
		}
		for _, note := range strings.Split(c.Note, "\n") {
			if note != "" {
				b.WriteString("       " + printable(note) + "\n")
			}
		}
	}
	b.WriteString("\n")
}

func long(row [3]string) bool {
	return utf8.RuneCountInString(row[1]) > longest || utf8.RuneCountInString(row[2]) > longest
}

// listValues writes a value of several parts below its change.
func listValues(b *strings.Builder, mark, value string) {
	for _, part := range strings.Split(value, "; ") {
		if part != "" {
			b.WriteString("       " + mark + printable(part) + "\n")
		}
	}
}

func removes(c eventbus.Change) int {
	if c.Destructive() {
		return 1
	}
	return 0
}

func mark(c eventbus.Change) string {
	m := map[eventbus.ChangeAction]string{eventbus.ActionCreate: "+", eventbus.ActionUpdate: "~"}[c.Action]
	if m == "" {
		m = "-"
	}
	if c.NeedsApproval {
		m += "!"
	}
	return m
}

// whatOf names what a change is about; the environment only where the name does
// not say it.
func whatOf(c eventbus.Change) string {
	name := c.Name
	if _, err := eventbus.ParseIdentityARN(name); err == nil {
		name = name[strings.LastIndexByte(name, ':')+1:]
	}
	what := string(c.Resource) + " " + printable(name)
	if c.Resource == eventbus.ResourceCatalog || c.Resource == eventbus.ResourceEnvironment && c.Field != "" {
		what = string(c.Resource)
	}
	if c.Field != "" {
		what += " " + printable(c.Field)
	}
	return what
}

func valueShown(c eventbus.Change, value string) string {
	switch {
	case value != "" && c.Resource == eventbus.ResourceTopicConfig:
		return configShown(c.Field, printable(value))
	case value != "":
		return printable(value)
	case c.Resource == eventbus.ResourceTopicConfig:
		return "default"
	case c.Action == eventbus.ActionQuarantine && value == c.New:
		return "quarantined"
	case c.Action == eventbus.ActionDelete && value == c.New:
		return "gone"
	default:
		return "none"
	}
}

// configShown adds to milliseconds what they come to.
func configShown(name, value string) string {
	ms, err := strconv.ParseInt(value, 10, 64)
	if !strings.HasSuffix(name, ".ms") || err != nil || ms < 1000 || ms > int64(1<<62)/int64(time.Millisecond) {
		return value
	}
	d := time.Duration(ms) * time.Millisecond
	const day = 24 * time.Hour
	if d == day {
		return value + " (1 day)"
	}
	if d%day == 0 {
		return fmt.Sprintf("%s (%d days)", value, d/day)
	}
	return fmt.Sprintf("%s (%s)", value, d)
}

func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}
