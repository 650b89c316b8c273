// The attempts at a photo: bytes against quality, from the data in the page.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const kept = document.getElementById("photo-data");
  if (!kept) return;
  const data = JSON.parse(kept.textContent);
  const groups = [
    { label: "attempt", color: "--ink1", size: 7 },
    { label: "attempt that locates", color: "--soft", size: 6, hollow: true },
    { label: "stored", color: "--ink2", size: 11 },
  ];
  const points = data.points.map((each) => ({
    x: each.bytes, y: each.value, group: each.stored ? 2 : each.stage === "locate" ? 1 : 0,
    text: [
      `${each.stage}${each.stored ? ", stored" : ""}`,
      each.stage === "still" ? "a network trained for the picture" : `quantizer ${each.quantizer}, preset ${each.preset}`,
      `${each.bytes} bytes, ${data.label} ${each.value == null ? "without loss" : each.value.toFixed(data.digits)}`,
    ],
  }));
  const order = groups.map((_, at) => at).filter((at) => points.some((point) => point.group === at));
  Charts.scatter(document.getElementById("tries"), {
    points: points.map((point) => ({ ...point, group: order.indexOf(point.group) })), groups: order.map((at) => groups[at]),
    x: "bytes", y: data.label,
  });
});
