// What native HTML does not do by itself. Every page works without this file.
"use strict";
document.documentElement.classList.add("js");

// On a phone the facets wait behind their heading.
if (matchMedia("(max-width: 62em)").matches) {
  document.querySelectorAll(".facets > details").forEach((facets) => { facets.open = false; });
}

// "/" goes to the search box, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  }
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    document.getElementById("find").focus();
  }
});

// Menus close when the reader goes elsewhere.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// Copy buttons say what happened, to eyes and to screen readers.
async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  const label = button.lastChild.previousSibling || button.firstChild;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    said = "Selected";
  }
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  status.className = "copied";
  status.textContent = said;
  button.after(status);
  setTimeout(() => status.remove(), 2000);
}

// A select that stands for a place goes there when it is changed.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form) form.requestSubmit();
});

// A page of a form that is being saved by itself goes on when that is done, so
// that it does not overtake itself.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.classList.contains("htmx-request")) return;
  event.preventDefault();
  const wait = setInterval(() => {
    if (form.classList.contains("htmx-request")) return;
    clearInterval(wait);
    form.requestSubmit(event.submitter);
  }, 30);
});

// The summary of faults is read first.
const summary = document.querySelector("[data-focus]");
if (summary) summary.focus();

// A name for the catalog is made from the title, until it is typed by hand.
const title = document.getElementById("f-event-title");
const name = document.getElementById("f-event-name");
if (title && name && name.value === "") {
  let own = false;
  name.addEventListener("input", () => { own = true; });
  title.addEventListener("input", () => {
    if (!own) name.value = title.value.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  });
}
