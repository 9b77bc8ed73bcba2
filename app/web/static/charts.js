// Draws each <script type="application/json" data-chart> into the canvas before it. Colours come from desk.css.

const style = getComputedStyle(document.documentElement);
const theme = document.documentElement.dataset.theme;
const dark = theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
const colour = (name) => {
  const value = style.getPropertyValue(name).trim();
  const pair = /^light-dark\((\S+), (\S+)\)$/.exec(value); // canvas takes one colour
  return pair ? pair[dark ? 2 : 1] : value;
};
const PALETTE = [1, 2, 3, 4, 5, 6].map((n) => colour(`--chart-${n}`));
const RAMP = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => colour(`--ramp-${n}`));
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 4], [14, 4]];
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const locale = navigator.language;

function formatter(unit) {
  if (unit === "percent") return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  if (/^[A-Z]{3}$/.test(unit)) {
    return new Intl.NumberFormat(locale, { style: "currency", currency: unit, maximumFractionDigits: 0 });
  }
  return new Intl.NumberFormat(locale);
}

function dataset(series, n, spec) {
  const line = spec.type === "line";
  // spec.ramp: the series are ordered (buckets), so their colours run from light to dark instead of differing.
  const own = spec.ramp ? RAMP[Math.min(RAMP.length - 1, Math.round((n * RAMP.length) / spec.series.length))] : PALETTE[n % PALETTE.length];
  const slices = spec.type === "doughnut" ? spec.labels.map((_, i) => PALETTE[i % PALETTE.length]) : null;
  return {
    label: series.name,
    data: series.values,
    borderColor: slices ? colour("--surface") : own,
    backgroundColor: slices ?? (own + (line ? "18" : "")),
    borderWidth: line || slices ? 2 : 0,
    borderDash: line ? DASHES[n % DASHES.length] : [], // lines differ without colour, too
    borderRadius: line || slices || spec.stacked ? 0 : 4,
    maxBarThickness: 44,
    fill: line && spec.series.length === 1,
    tension: 0,
    pointRadius: spec.labels.length > 40 ? 0 : 2.5,
    pointBackgroundColor: own,
    spanGaps: false,
  };
}

function options(spec, format) {
  const round = spec.type === "doughnut";
  const across = !!spec.horizontal;
  const value = (item) => format.format(round ? item.parsed : across ? item.parsed.x : item.parsed.y);
  const names = { stacked: !!spec.stacked, grid: { display: false }, border: { color: colour("--line") }, ticks: { maxRotation: 0, autoSkip: !across, autoSkipPadding: 16 } };
  const values = { stacked: !!spec.stacked, beginAtZero: true, border: { display: false }, grid: { color: colour("--line-soft") }, ticks: { maxTicksLimit: 6, precision: spec.unit === "count" ? 0 : undefined, callback: (v) => format.format(v) } };
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: still ? false : { duration: 250 },
    interaction: { mode: round ? "nearest" : "index", axis: across ? "y" : "x", intersect: round },
    plugins: {
      legend: {
        display: round || spec.series.length > 1,
        position: round ? "right" : "bottom",
        labels: { boxWidth: 10, boxHeight: 10, useBorderRadius: true, borderRadius: 3, padding: 16 },
      },
      tooltip: {
        backgroundColor: colour("--ink"),
        titleColor: colour("--surface"),
        bodyColor: colour("--surface"),
        padding: 10,
        cornerRadius: 6,
        callbacks: { label: (item) => ` ${round ? item.label : item.dataset.label}: ${value(item)}` },
      },
    },
    indexAxis: across ? "y" : "x",
    scales: round ? {} : across ? { x: values, y: names } : { x: names, y: values },
  };
}

// A picture of the chart on the page's own ground, so that it can be read on any paper.
function offerPicture(canvas) {
  const figure = canvas.closest("figure");
  const button = Object.assign(document.createElement("button"), {
    className: "button quiet small", type: "button", textContent: "Download PNG",
  });
  button.addEventListener("click", () => {
    const paper = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    const drawn = paper.getContext("2d");
    drawn.fillStyle = colour("--surface");
    drawn.fillRect(0, 0, paper.width, paper.height);
    drawn.drawImage(canvas, 0, 0);
    paper.toBlob((blob) => {
      const name = figure.querySelector("figcaption").textContent.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-");
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `${name}.png` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  });
  figure.querySelector("details").before(button);
}

if (window.Chart) {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  Chart.defaults.color = colour("--ink-2");
  for (const block of document.querySelectorAll("script[data-chart]")) {
    const spec = JSON.parse(block.textContent);
    const canvas = block.parentElement.querySelector("canvas");
    new Chart(canvas, {
      type: spec.type,
      data: { labels: spec.labels, datasets: spec.series.map((series, n) => dataset(series, n, spec)) },
      options: options(spec, formatter(spec.unit ?? "count")),
    });
    offerPicture(canvas);
  }
}
