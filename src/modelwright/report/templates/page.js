(() => {
  const root = document.documentElement, all = (css, within = document) => [...within.querySelectorAll(css)];

  // light and dark
  const button = document.getElementById("theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  const say = () => { button.textContent = dark() ? "Light" : "Dark"; button.setAttribute("aria-label", "Switch to " + (dark() ? "light" : "dark") + " colours"); };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; say(); });
  system.addEventListener("change", say);
  say();
  if (matchMedia("(max-width: 70rem)").matches) document.querySelector("nav details").removeAttribute("open");

  // what is said of points: by pointer, or with the arrow keys
  const tooltip = document.createElement("div");
  tooltip.id = "tooltip"; tooltip.setAttribute("role", "status"); tooltip.hidden = true;
  document.body.append(tooltip);
  let shown = null;
  const hide = () => { tooltip.hidden = true; if (shown) shown.classList.remove("on"); shown = null; };
  const show = tip => {
    if (shown !== tip) { hide(); shown = tip; tip.classList.add("on"); tooltip.textContent = tip.dataset.text; tooltip.hidden = false; }
    const spot = tip.getBoundingClientRect(), half = tooltip.offsetWidth / 2;
    tooltip.style.left = Math.min(Math.max(spot.left + spot.width / 2 - half, 4), innerWidth - 2 * half - 4) + "px";
    tooltip.style.top = (spot.top > tooltip.offsetHeight + 8 ? spot.top - tooltip.offsetHeight - 4 : spot.bottom + 4) + "px";
  };
  for (const picture of all(".picture")) {
    const tips = all(".tip", picture);
    if (!tips.length) continue;
    for (const tip of tips) { const title = tip.querySelector("title"); tip.dataset.text = title.textContent; title.remove(); }
    picture.tabIndex = 0;
    picture.setAttribute("aria-description", "Arrow keys go through the values.");
    picture.addEventListener("pointermove", event => {
      let best = null, near = 900;
      for (const tip of tips) {
        const spot = tip.getBoundingClientRect();
        const away = (spot.left + spot.width / 2 - event.clientX) ** 2 + (spot.top + spot.height / 2 - event.clientY) ** 2;
        if (away < near) { near = away; best = tip; }
      }
      if (best) show(best); else hide();
    });
    picture.addEventListener("pointerleave", hide);
    picture.addEventListener("blur", hide);
    picture.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") hide();
      if (!step) return;
      event.preventDefault();
      const at = tips.indexOf(shown);
      show(tips[at < 0 ? (step > 0 ? 0 : tips.length - 1) : (at + step + tips.length) % tips.length]);
    });
  }
  addEventListener("scroll", hide, { passive: true });

  // tables in another order
  const value = cell => { const text = cell.textContent.trim(), figure = parseFloat(text.replace(/,/g, "").replace("\u2212", "-")); return isNaN(figure) ? text.toLowerCase() : figure; };
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    all("th", table).forEach((head, column) => {
      const press = document.createElement("button");
      press.type = "button"; press.append(...head.childNodes); head.append(press);
      press.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending", sign = up ? 1 : -1;
        all("th", table).forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const key = row => value(row.cells[column]);
        body.append(...[...body.rows].sort((one, two) => {
          const a = key(one), b = key(two);
          return sign * (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
        }));
      });
    });
  }

  // from a figure to its event
  const about = new Map(all(".log tr[id]").map(row => [row.id.slice(6), row.cells[2].textContent]));
  if (about.size) root.classList.add("linked");
  for (const mark of all(".n[data-event]")) if (about.has(mark.dataset.event)) mark.title = "event " + mark.dataset.event + ": " + about.get(mark.dataset.event);
  document.addEventListener("click", event => {
    if (event.target.closest("a, summary, button, .picture") || String(getSelection())) return;
    const mark = event.target.closest(".n[data-event]") || (event.target.matches("td.r") && event.target.closest("tr[data-event]"));
    if (mark && about.has(mark.dataset.event)) location.hash = "event-" + mark.dataset.event;
  });

  // folded parts open for links into them and for paper
  const reveal = () => { const spot = location.hash && document.getElementById(location.hash.slice(1)); for (let up = spot; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true; };
  addEventListener("hashchange", reveal);
  reveal();
  let folded = [];
  addEventListener("beforeprint", () => { folded = all("details:not([open])"); folded.forEach(part => { part.open = true; }); });
  addEventListener("afterprint", () => folded.forEach(part => { part.open = false; }));
})();
