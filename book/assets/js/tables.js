// Above a table of many rows, a box that leaves only those that hold what is typed (a class, say), and a list for each column of few
// values by which the table lets its reader choose (a paper, a study, a verdict).
document.addEventListener("DOMContentLoaded", () => {
  const words = row => [row.textContent, ...[...row.querySelectorAll("[aria-label]")].map(e => e.getAttribute("aria-label"))].join(" ").toLowerCase();
  const list = (element, name) => JSON.parse(element.dataset[name] || "[]");
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  for (const table of document.querySelectorAll("figure.data-table:has(.more-rows), figure.data-table[data-choose]")) {
    const rows = [...table.querySelectorAll("tbody tr")].map(row => ({ row, text: words(row), choices: list(row, "choices") }));
    const more = table.querySelector(".more-rows");
    const typed = make("input", { type: "search", autocomplete: "off" });
    const found = make("output", { className: "row-count" });
    const chosen = list(table, "choose").map((name, place) => {
      const values = [...new Set(rows.map(row => row.choices[place]))].sort();
      return make("select", { name }, make("option", { value: "", textContent: "all" }), ...values.map(value => make("option", { value, textContent: value })));
    });
    const update = () => {
      const asked = typed.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const some = asked.length > 0 || chosen.some(select => select.value);
      let left = 0;
      for (const { row, text, choices } of rows) {
        row.hidden = !asked.every(word => text.includes(word)) || chosen.some((select, place) => select.value && select.value !== choices[place]);
        left += !row.hidden;
      }
      if (more) {
        if (some) more.open = true;
        more.hidden = !more.querySelector("tbody tr:not([hidden])");
      }
      found.value = some ? `${left} of ${rows.length} rows` : "";
    };
    for (const field of [typed, ...chosen]) field.addEventListener("input", update);
    const lists = chosen.map(select => make("label", {}, `${select.name[0].toUpperCase()}${select.name.slice(1)} `, select));
    table.querySelector("figcaption").after(make("div", { className: "row-filter" }, ...lists, make("label", {}, "Only rows with ", typed), found));
  }
});
