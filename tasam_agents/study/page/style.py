"""How the report looks: on a screen of any width, light or dark, and in print."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2128; --quiet: #59636e; --rule: #d5dae0; --shade: #f5f7f9; --link: #0060a0;
  --supported: #00684a; --not-supported: #a83e00; --inconclusive: #7a5200; --described: #4a5561;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e4e8ec; --quiet: #9aa5b1; --rule: #353d47; --shade: #1c2229; --link: #74b9f0;
    --supported: #4fcfa5; --not-supported: #ff9a63; --inconclusive: #f0bd55; --described: #b1bcc8;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 74rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .75rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 .8rem; }
header p, section > p { max-width: 46rem; }
header p { color: var(--quiet); }
a { color: var(--link); text-underline-offset: .15em; }
code { font: .9em ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; background: var(--shade);
  padding: .1em .3em; border-radius: 3px; }
nav { margin: 1.5rem 0 0; padding: .6rem 0; border-block: 1px solid var(--rule); font-size: .9rem; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .35rem 1.1rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { margin-top: 2.75rem; }

.badge { display: inline-block; padding: .05em .6em; border: 1.5px solid currentColor; border-radius: 1em;
  font-size: .8rem; font-weight: 600; line-height: 1.5; white-space: nowrap; }
.badge.supported { color: var(--supported); }
.badge.not-supported { color: var(--not-supported); }
.badge.inconclusive { color: var(--inconclusive); border-style: dashed; }
.badge.described { color: var(--described); border-style: dotted; }

.finding { margin: 0 0 1rem; padding: .8rem 1rem; background: var(--shade); border-left: 4px solid var(--described); }
.finding.supported { border-color: var(--supported); }
.finding.not-supported { border-color: var(--not-supported); }
.finding.inconclusive { border-color: var(--inconclusive); }
.finding .badge { margin-right: .35rem; }
.finding:target { outline: 2px solid var(--link); }
dl { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .2rem .8rem; margin: .5rem 0 0;
  font-size: .92rem; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
dl.facts { grid-template-columns: fit-content(16rem) minmax(0, 1fr); }

.wide { overflow-x: auto; overflow-wrap: normal; }
figure { margin: 1.5rem 0; }
figure .wide { background: #ffffff; border: 1px solid var(--rule); border-radius: 4px; padding: .5rem; }
img { display: block; height: auto; max-width: 100%; margin: 0 auto; }
figcaption, caption { color: var(--quiet); font-size: .9rem; text-align: left; }
figcaption { margin-top: .5rem; max-width: 56rem; }
caption { padding: 0 0 .4rem; }
.download { margin-left: .3em; font-size: .85rem; }
.download::before { content: "\\2193\\00a0"; }

table { border-collapse: collapse; font-size: .9rem; line-height: 1.4; }
div.wide:has(table) { margin: 1.5rem 0; }
.summary { width: 100%; table-layout: fixed; }
.summary thead th:nth-child(1) { width: 32%; }
.summary thead th:nth-child(2) { width: 18%; }
.summary thead th:nth-child(3) { width: 9.5rem; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
thead th { color: var(--quiet); font-weight: 600; border-bottom: 2px solid var(--rule); vertical-align: bottom; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }

@media screen and (min-width: 68rem) {
  body { display: grid; grid-template-columns: 12.5rem minmax(0, 1fr); column-gap: 3rem; }
  header { grid-column: 1 / -1; }
  nav { align-self: start; position: sticky; top: 1.5rem; margin-top: 2.75rem; padding: 0; border: 0; }
  nav ul { flex-direction: column; gap: .55rem; }
}
@media screen and (max-width: 44rem) {
  body { padding: 1.25rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  .wide img { max-width: 42rem; }
  dl, dl.facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: .4rem; }
  .summary, .summary caption, .summary tbody, .summary tr, .summary th, .summary td { display: block; }
  .summary thead { display: none; }
  .summary tr { padding: .6rem 0; border-bottom: 1px solid var(--rule); }
  .summary th, .summary td { border: 0; padding: .1rem 0; }
  .summary td::before { content: attr(data-label) ": "; color: var(--quiet); }
}
@media print {
  :root {
    --paper: #ffffff; --ink: #000000; --quiet: #444444; --rule: #bbbbbb; --shade: #ffffff; --link: #000000;
    --supported: #00684a; --not-supported: #a83e00; --inconclusive: #7a5200; --described: #4a5561;
  }
  html { font-size: 10pt; }
  body { max-width: none; padding: 0; }
  nav, .download { display: none; }
  a { text-decoration: none; }
  h2, h3 { break-after: avoid; }
  figure, .finding, tr { break-inside: avoid; }
  .wide { overflow: visible; }
  section { margin-top: 1.5rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
"""
