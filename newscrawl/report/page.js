"use strict";

// The key that words are compared by: as layer B of newscrawl.arabic (`normalise`); a test holds the two alike.
const FROM = "أإآٱىیېۍةۃہھەکڪگڭݣپڤچ٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹";
const TO = "اااايييي" + "ههههه" + "ككككك" + "بفج" + "0123456789".repeat(2);
const FOLDED = new Map([...FROM].map((letter, place) => [letter, TO[place]]));
const LETTERS = new RegExp(`[${FROM}]`, "gu");
const ACCENTS = /[\u0300-\u036f]+/gu;
const MARKS =
  /[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08ca-\u08ff\u0640\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]+/gu;
const NO_WORD = /[^\p{L}\p{N}]+/gu;
// What the layer above drops or reshapes before: invisible signs that titles copied from elsewhere carry.
const INVISIBLE = /[\u0000-\u0008\u000e-\u001f\u007f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]+/gu;

function fold(text) {
  return text
    .replace(INVISIBLE, "")
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .normalize("NFD")
    .replace(ACCENTS, "")
    .normalize("NFC")
    .replace(MARKS, "")
    .replace(LETTERS, (letter) => FOLDED.get(letter))
    .replace(NO_WORD, " ")
    .trim();
}

const PAGE = 50;
const element = (id) => document.getElementById(id);
const [papers, rows] = JSON.parse(element("articles").textContent);
// A row: title, number of its paper, date, address, language, whether it is a copy.
const keys = rows.map(([title, paper, date]) => fold(`${title} ${papers[paper]} ${date}`));
let shown = PAGE;

function cell(row, text, name) {
  const made = row.insertCell();
  if (name) made.className = name;
  else made.dir = "auto";
  made.textContent = text;
  return made;
}

function draw() {
  const words = fold(element("words").value).split(" ").filter(Boolean);
  const paper = element("paper").value;
  const [from, until] = [element("from").value, element("until").value];
  const found = [];
  rows.forEach((row, number) => {
    if (paper !== "" && row[1] !== Number(paper)) return;
    if ((from && !(row[2] >= from)) || (until && !(row[2] && row[2] <= until))) return;
    if (words.every((word) => keys[number].includes(word))) found.push(row);
  });
  const body = element("rows");
  body.replaceChildren();
  for (const [title, number, date, url, language, copy] of found.slice(0, shown)) {
    const row = body.insertRow();
    cell(row, date, "date");
    cell(row, papers[number]);
    const last = cell(row, url ? "" : title);
    if (language) last.lang = language;
    if (url) {
      const link = document.createElement("a");
      link.href = url;
      link.rel = "noreferrer noopener";
      link.textContent = title;
      last.append(link);
    }
    if (copy) {
      const tag = document.createElement("span");
      tag.className = "tag";
      tag.dir = "ltr";
      tag.textContent = "copy";
      last.append(" ", tag);
    }
  }
  const visible = Math.min(shown, found.length);
  element("count").textContent = found.length
    ? `${visible} of ${found.length} found among the newest ${rows.length}.`
    : `Nothing found among the newest ${rows.length}.`;
  element("more").hidden = visible === found.length;
}

papers
  .map((name, number) => [name, number])
  .sort(([one], [other]) => one.localeCompare(other))
  .forEach(([name, number]) => element("paper").add(new Option(name, number)));
element("search").addEventListener("input", () => {
  shown = PAGE;
  draw();
});
element("search").addEventListener("submit", (event) => event.preventDefault());
element("more").addEventListener("click", () => {
  shown += 200;
  draw();
});
element("search").hidden = false;
draw();
