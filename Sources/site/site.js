// SPDX-License-Identifier: Apache-2.0
//
// Search, the list of pages on small screens, light and dark. Needs no server: what is
// searched is in search.js.
"use strict";

const field = document.getElementById("search");
const found = document.getElementById("found");
const most = 30;

// Made when first needed: most pages are read without a search.
let lower = [];

// Better: in a heading, as a whole word, in capitals as they were typed, in text rather than
// in code, more often.
function score(i, words, typed) {
  const [page, , heading, text] = siteText[i];
  let sum = 0;
  for (const word of words) {
    const at = lower[i].indexOf(word);
    if (at < 0) return 0;
    const edge = /[\p{L}\p{N}_]/u;
    const isWhole = !edge.test(lower[i][at - 1] ?? " ") && !edge.test(lower[i][at + word.length] ?? " ");
    const count = Math.min(5, lower[i].split(word).length - 1);
    sum += count + (isWhole ? 6 : 0) + (heading.toLowerCase().includes(word) ? 12 : 0);
  }
  return sum + (text.includes(typed) ? 10 : 0) + (sitePages[page][2] === "text" ? 16 : 0);
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(word => word.length > 0);
  if (words.length === 0 || text.trim().length < 2) return null;
  if (lower.length === 0) lower = siteText.map(entry => entry[3].toLowerCase());
  const hits = [];
  for (let i = 0; i < siteText.length; i++) {
    const value = score(i, words, text.trim());
    if (value > 0) hits.push({ i, value });
  }
  hits.sort((a, b) => b.value - a.value || a.i - b.i);
  return { hits, words };
}

function marked(text, words) {
  const parts = document.createDocumentFragment();
  const quoted = words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  for (const [i, part] of text.split(new RegExp(`(${quoted.join("|")})`, "i")).entries()) {
    const node = document.createElement(i % 2 ? "mark" : "span");
    node.textContent = part;
    parts.append(node);
  }
  return parts;
}

function snippet(i, words) {
  if (sitePages[siteText[i][0]][2] === "code") return "in code";
  const at = Math.max(0, lower[i].indexOf(words[0]) - 60);
  const text = siteText[i][3].slice(at, at + 180);
  return (at > 0 ? "\u2026" : "") + text + (at + 180 < siteText[i][3].length ? "\u2026" : "");
}

function show() {
  const result = search(field.value);
  found.replaceChildren();
  found.hidden = result === null;
  if (result === null) return;
  for (const { i } of result.hits.slice(0, most)) {
    const [page, id, heading] = siteText[i];
    const link = document.createElement("a");
    link.href = sitePages[page][0] + (id ? "#" + id : "");
    const title = document.createElement("b");
    title.append(marked(sitePages[page][1] + (id ? ": " + heading : ""), result.words));
    const text = document.createElement("small");
    text.append(marked(snippet(i, result.words), result.words));
    link.append(title, text);
    const item = document.createElement("li");
    item.append(link);
    found.append(item);
  }
  if (result.hits.length === 0) {
    const none = document.createElement("p");
    none.textContent = "Nowhere.";
    found.append(none);
  } else if (result.hits.length > most) {
    const rest = document.createElement("p");
    rest.textContent = `and ${result.hits.length - most} more`;
    found.append(rest);
  }
}

field.addEventListener("input", show);
field.addEventListener("focus", show);

function choose(step) {
  const links = [...found.querySelectorAll("a")];
  if (links.length === 0) return;
  const now = links.findIndex(link => link.ariaSelected === "true");
  const next = (now + step + links.length + (now < 0 && step < 0 ? 1 : 0)) % links.length;
  if (now >= 0) links[now].ariaSelected = null;
  links[next].ariaSelected = "true";
  links[next].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", event => {
  const isTyping = event.target.matches("input, textarea");
  if (event.key === "/" && !isTyping) {
    event.preventDefault();
    field.focus();
    field.select();
  } else if (event.key === "Escape") {
    found.hidden = true;
    field.blur();
  } else if (event.target === field && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    choose(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.target === field && event.key === "Enter") {
    (found.querySelector('a[aria-selected="true"]') ?? found.querySelector("a"))?.click();
  } else if (event.target === document.body && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "ArrowRight") document.querySelector("a.next")?.click();
    if (event.key === "ArrowLeft") document.querySelector("a.prev")?.click();
  }
});

document.addEventListener("click", event => {
  if (!event.target.closest(".search")) found.hidden = true;
  if (event.target.closest("#found a")) found.hidden = true;
});

const menu = document.getElementById("menu");
const pages = document.getElementById("pages");
menu.addEventListener("click", () => {
  menu.ariaExpanded = String(pages.classList.toggle("open"));
});
// Of the list alone: the text stays where it is.
const current = pages.querySelector("[aria-current]");
if (current) pages.scrollTop = current.offsetTop - pages.clientHeight / 2;

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {}
});

// What make site-check asks each page: it opens it in a frame, with #site-check, and is told
// what the page sees of itself. A file may not look into another file's frame.
async function check() {
  if (document.readyState !== "complete") {
    await new Promise(resolve => addEventListener("load", resolve));
  }
  const root = document.documentElement;
  function forget() {
    delete root.dataset.theme;
    try {
      localStorage.removeItem("theme");
    } catch {}
  }
  forget();
  const background = () => getComputedStyle(document.body).backgroundColor;
  const before = background();
  const theme = document.getElementById("theme");
  theme.click();
  const after = background();
  forget();
  let hit = null;
  if (location.hash === "#site-check-search") {
    field.value = "findRunnable";
    show();
    hit = found.querySelector("a")?.getAttribute("href") ?? "";
    field.value = "";
    show();
  }
  const result = {
    page: location.pathname.split("/").pop(),
    title: document.title,
    text: document.querySelector("main").innerText.length,
    broken: [...document.images].filter(image => image.naturalWidth === 0).map(image => image.src),
    ids: [...document.querySelectorAll("[id]")].map(element => element.id),
    links: [...document.querySelectorAll("a[href]")].map(link => link.getAttribute("href")),
    wide: root.scrollWidth - innerWidth,
    scrolled: scrollY,
    background: before,
    themed: before !== after,
    hit,
  };
  root.dataset.background = before;
  if (parent !== window) parent.postMessage(result, "*");
}

if (location.hash.startsWith("#site-check")) check();
