// A box above a table of many rows that leaves only those that hold what is typed: a verdict, a class, a paper.
document.addEventListener("DOMContentLoaded", () => {
  const words = row => [row.textContent, ...[...row.querySelectorAll("[aria-label]")].map(e => e.getAttribute("aria-label"))].join(" ").toLowerCase();

  for (const table of document.querySelectorAll("figure.data-table:has(.more-rows)")) {
    const rows = [...table.querySelectorAll("tbody tr")].map(row => [row, words(row)]);
    const more = table.querySelector(".more-rows");
    const box = Object.assign(document.createElement("label"), { className: "row-filter" });
    const typed = Object.assign(document.createElement("input"), { type: "search", autocomplete: "off" });
    const found = Object.assign(document.createElement("output"), { className: "row-count" });
    box.append("Only rows with ", typed, found);
    typed.addEventListener("input", () => {
      const asked = typed.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      for (const [row, text] of rows) {
        row.hidden = !asked.every(word => text.includes(word));
        left += !row.hidden;
      }
      if (asked.length) more.open = true;
      more.hidden = !more.querySelector("tbody tr:not([hidden])");
      found.value = asked.length ? `${left} of ${rows.length} rows` : "";
    });
    table.querySelector("figcaption").after(box);
  }
});
