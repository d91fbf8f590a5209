for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const rises = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", rises ? "ascending" : "descending");
      const value = (row) => row.cells[column].textContent.trim();
      const number = (text) => (/^[-+]?[\d.,]+/.test(text) ? parseFloat(text.replaceAll(",", "")) : NaN);
      const order = (a, b) => {
        const numbers = [number(value(a)), number(value(b))];
        const sign = numbers.some(Number.isNaN) ? value(a).localeCompare(value(b)) : numbers[0] - numbers[1];
        return rises ? sign : -sign;
      };
      body.append(...[...body.rows].sort(order));
    });
  });
}
