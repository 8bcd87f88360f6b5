// Builds ../../static from the packages in package-lock.json: the USWDS style
// sheet, the fonts, the icon sprite, htmx and the licence texts. Run it with
// `npm ci && npm run build`; the result is committed.
import { compile } from "sass";
import { mkdirSync, readFileSync, writeFileSync, copyFileSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { transformSync } from "esbuild";

const here = import.meta.dirname;
const out = join(here, "../../static");
const uswds = join(here, "node_modules/@uswds/uswds");
const read = (...p) => readFileSync(join(...p), "utf8");
const write = (name, text) => { mkdirSync(dirname(join(out, name)), { recursive: true }); writeFileSync(join(out, name), text); };

// The style sheet. Own @font-face rules stand in app.css, so those of USWDS go.
const compiled = compile(join(here, "src/uswds.scss"), { loadPaths: [join(uswds, "packages")], style: "compressed", quietDeps: true, logger: { warn() {}, debug() {} } });
let css = compiled.css.replace(/@font-face\{[^}]*\}/g, "").replace(/^\uFEFF/, "");
const images = new Set();
css = css.replace(/url\(["']?([^"')]*?)(img\/[^"')]+)["']?\)/g, (_, __, path) => { images.add(path); return `url("${path}")`; });
css = transformSync(css, { loader: "css", minify: true, target: "chrome110" }).code;
write("uswds.css", "/*! USWDS 3.14.0, own build; see LICENSES */" + css);
rmSync(join(out, "img"), { recursive: true, force: true });
for (const path of images) {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  copyFileSync(join(uswds, "dist", path), join(out, path));
}

// Fonts: what the design uses, latin, woff2.
const fonts = { "source-sans-pro/sourcesanspro-regular-webfont": "source-sans-400", "source-sans-pro/sourcesanspro-semibold-webfont": "source-sans-600",
  "source-sans-pro/sourcesanspro-bold-webfont": "source-sans-700", "roboto-mono/roboto-mono-v5-latin-regular": "roboto-mono-400" };
mkdirSync(join(out, "fonts"), { recursive: true });
for (const [from, to] of Object.entries(fonts)) copyFileSync(join(uswds, "dist/fonts", from + ".woff2"), join(out, "fonts", to + ".woff2"));

// The sprite: the icons that templates and view structs name in src/icons.txt.
const sprite = read(uswds, "dist/img/sprite.svg");
const symbols = read(here, "src/icons.txt").split("\n").map((s) => s.trim()).filter(Boolean).sort().map((id) => {
  const found = sprite.match(new RegExp(`<symbol[^>]*id="${id}"[^>]*>.*?</symbol>`, "s"));
  if (!found) throw new Error(`the USWDS sprite has no icon ${id}`);
  return found[0];
});
write("sprite.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);

copyFileSync(join(here, "node_modules/htmx.org/dist/htmx.min.js"), join(out, "htmx.js"));
const licences = join(out, "LICENSES"); // OFL-1.1 and Apache-2.0 are not in the packages and stand there already
mkdirSync(licences, { recursive: true });
copyFileSync(join(here, "node_modules/axe-core/axe.min.js"), join(here, "../../testdata/axe.min.js"));
copyFileSync(join(uswds, "LICENSE.md"), join(licences, "USWDS.md"));
copyFileSync(join(here, "node_modules/htmx.org/LICENSE"), join(licences, "htmx-0BSD.txt"));
for (const file of readdirSync(out)) console.log(file);
