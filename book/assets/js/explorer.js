// Draws the charts that readers change. The library that draws them is loaded only by pages that have one.
document.addEventListener("DOMContentLoaded", () => {
  const boxes = [...document.querySelectorAll("figure.explorer")];
  if (!boxes.length) return;
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The chart stands on the page itself, in its colours, so it is drawn anew when these change.
  const look = () => {
    const text = style("--pst-color-text-base"), line = style("--pst-color-border");
    const words = { labelColor: text, titleColor: text, labelFontSize: 12, titleFontSize: 12, labelLimit: 140 };
    return {
      background: "transparent", view: { stroke: null }, font: style("--pst-font-family-base") || "sans-serif",
      axis: { ...words, gridColor: line, domainColor: text, tickColor: text, labelAngle: 0 },
      legend: { ...words, orient: "bottom" }, text: { color: text, fill: text }, rule: { color: text },
    };
  };
  // Vega measures a chart's place when the window changes, before the sidebars have moved, and takes a width that is
  // by chance what it had left for the marks in the last one for no change; so each chart is told how wide its place is.
  const charts = new Map();
  const settled = new ResizeObserver(changes => changes.forEach(({ target }) =>
    charts.get(target).view.signal("width", target.querySelector(".explorer-chart").clientWidth, { force: true }).runAsync()));

  const draw = box => {
    const specification = JSON.parse(box.querySelector("script").textContent);
    specification.config = look();
    const before = charts.get(box)?.view;  // what a reader has chosen stays
    if (before) specification.params.forEach(control => { control.value = before.signal(control.name); });
    box.classList.add("drawn");  // a chart takes the width of what it stands in, so that is shown first
    const place = box.querySelector(".explorer-chart"), tooltip = { theme: document.documentElement.dataset.theme };
    vegaEmbed(place, specification, { actions: false, renderer: "svg", tooltip }).then(chart => {
      charts.get(box)?.finalize();
      charts.set(box, chart);
      settled.observe(box);  // anew, so that a width that changed while the chart was drawn is taken too
    });
  };
  const drawAll = () => boxes.forEach(draw);
  const library = document.createElement("script");
  library.src = (document.documentElement.dataset.content_root || "") + "_static/vendor/vega.js";
  library.onload = () => {
    drawAll();
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  };
  document.head.append(library);
});
