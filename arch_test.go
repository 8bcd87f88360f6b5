package eventbus_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/enterprise-event-bus/eventbus"

// layers gives each package its layer: a package imports only lower layers.
// A new package must find its place here before it builds.
var layers = map[string]int{
	".":    0,
	"docs": 0,

	"internal/clocktest": 0, // the clock of tests

	"internal/document":          1,
	"internal/iam/policy":        1,
	"internal/iam/sigv4":         1,
	"internal/registry/avro":     1,
	"internal/registry/wire":     1,
	"internal/registry/election": 1,
	"client":                     1,

	"internal/portal/guide":     1,
	"internal/portal/lineage":   1,
	"internal/portal/questions": 1,
	"internal/portal/static":    1,

	"internal/iam":        2,
	"internal/registry":   2,
	"internal/onboarding": 2,
	"internal/provision":  2,
	"internal/catalog":    2,
	"internal/streams":    2,
	"internal/observe":    2,
	"internal/samples":    2,
	"internal/session":    2,
	"internal/notify":     2,
	"internal/audit":      2,

	"internal/gateway":           3,
	"internal/restproxy":         3,
	"internal/apiserver":         3,
	"internal/portal":            3,
	"internal/devidp":            3,
	"internal/iam/sts":           3,
	"internal/registry/rest":     3,
	"internal/store":             3,
	"internal/store/storetest":   3, // starts PostgreSQL for the tests of others
	"internal/cluster":           3,
	"internal/telemetry":         3,
	"internal/awscloud":          3,
	"internal/awscloud/mototest": 3, // starts moto for the tests of others
	"internal/outbound":          3,

	"internal/server": 4,

	"cmd/eventbus": 5,
	"eventbustest": 5,
}

// soleImporter lists libraries that only one package, and what lies in its
// folder, may know.
var soleImporter = map[string]string{
	"github.com/twmb/franz-go/pkg/kfake": "internal/cluster",
	"modernc.org/sqlite":                 "internal/store",
	"github.com/jackc/pgx/v5/stdlib":     "internal/store",
	"github.com/pressly/goose/v3":        "internal/store",
}

// banned are folder names that say nothing about what lies inside.
var banned = []string{"util", "utils", "common", "helpers", "types", "manager", "managers", "pkg", "misc", "base"}

// outside are modules of their own, beyond these rules.
var outside = []string{"bench", "interop", "examples"}

// sourcePackage is what the rules look at in one folder of non-test Go files.
type sourcePackage struct {
	imports []string
	comment bool
}

// TestArchitecture keeps the layers, the package comments and the names.
func TestArchitecture(t *testing.T) {
	packages, err := readPackages(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range architectureFaults(packages) {
		t.Error(fault)
	}
}

// TestArchitectureNoticesWrongImports plants faults: a rule that never fails
// keeps nothing.
func TestArchitectureNoticesWrongImports(t *testing.T) {
	tests := []struct {
		name string
		dir  string
		pkg  sourcePackage
		want string
	}{
		{"upward", "internal/iam", sourcePackage{[]string{module + "/internal/gateway"}, true}, "imports upward"},
		{"sibling", "internal/catalog", sourcePackage{[]string{module + "/internal/onboarding"}, true}, "imports its sibling"},
		{"driver from a door", "internal/portal", sourcePackage{[]string{module + "/internal/store"}, true}, "imports its sibling"},
		{"kfake outside cluster", "internal/gateway", sourcePackage{[]string{"github.com/twmb/franz-go/pkg/kfake"}, true}, "only internal/cluster may"},
		{"root imports a library", ".", sourcePackage{[]string{"gopkg.in/yaml.v3"}, true}, "standard library only"},
		{"no comment", "internal/audit", sourcePackage{nil, false}, "has no package comment"},
		{"unknown folder", "internal/widgets", sourcePackage{nil, true}, "has no layer"},
		{"banned name", "internal/util", sourcePackage{nil, true}, "says nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			faults := architectureFaults(map[string]sourcePackage{tt.dir: tt.pkg})
			if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, tt.want) }) {
				t.Errorf("faults = %q, want one that contains %q", faults, tt.want)
			}
		})
	}
}

func architectureFaults(packages map[string]sourcePackage) []string {
	var faults []string
	for dir, pkg := range packages {
		if slices.Contains(banned, path.Base(dir)) {
			faults = append(faults, fmt.Sprintf("%s: the name says nothing about what lies inside", dir))
		}
		if !pkg.comment {
			faults = append(faults, fmt.Sprintf("%s: has no package comment", dir))
		}
		layer, known := layers[dir]
		if !known {
			faults = append(faults, fmt.Sprintf("%s: has no layer; give it one in arch_test.go", dir))
			continue
		}
		for _, imported := range pkg.imports {
			if fault := importFault(dir, layer, imported); fault != "" {
				faults = append(faults, fault)
			}
		}
	}
	slices.Sort(faults)
	return faults
}

func importFault(dir string, layer int, imported string) string {
	if sole, restricted := soleImporter[imported]; restricted && sole != dir && !strings.HasPrefix(dir, sole+"/") {
		return fmt.Sprintf("%s: imports %s; only %s may", dir, imported, sole)
	}
	inside, ours := strings.CutPrefix(imported, module)
	if !ours {
		if layer == 0 && strings.Contains(strings.Split(imported, "/")[0], ".") {
			return fmt.Sprintf("%s: imports %s; layer 0 knows the standard library only", dir, imported)
		}
		return ""
	}
	inside = strings.TrimPrefix(inside, "/")
	if inside == "" {
		inside = "."
	}
	target, known := layers[inside]
	switch {
	case !known:
		return fmt.Sprintf("%s: imports %s, which has no layer", dir, imported)
	case target > layer:
		return fmt.Sprintf("%s: imports upward: %s", dir, inside)
	case target == layer:
		return fmt.Sprintf("%s: imports its sibling %s", dir, inside)
	}
	return ""
}

func readPackages(root string) (map[string]sourcePackage, error) {
	packages := map[string]sourcePackage{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(file, entry.Name())
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(file))
		packages[dir] = packages[dir].with(syntax)
		return nil
	})
	return packages, err
}

func skipFolder(file, name string) error {
	if name == "testdata" || name == "node_modules" || (strings.HasPrefix(name, ".") && name != ".") || slices.Contains(outside, file) {
		return filepath.SkipDir
	}
	return nil
}

func (p sourcePackage) with(file *ast.File) sourcePackage {
	for _, spec := range file.Imports {
		p.imports = append(p.imports, strings.Trim(spec.Path.Value, `"`))
	}
	p.comment = p.comment || file.Doc != nil
	return p
}

// TestNoForeignPaths refuses machine paths in anything that is committed.
func TestNoForeignPaths(t *testing.T) {
	for _, dir := range []string{"docs", "cmd", "internal"} {
		_ = filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			if entry.IsDir() {
				return skipFolder(file, entry.Name())
			}
			text, err := os.ReadFile(file)
			if err == nil && (strings.Contains(string(text), "/"+"root/") || strings.Contains(string(text), "/"+"work/")) {
				t.Errorf("%s names a path of one machine", file)
			}
			return nil
		})
	}
}
