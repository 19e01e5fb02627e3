// The gallery: the engine at work in the visitor's browser.
import { reference, version } from "virtual:gallery";
import { h } from "./dom.js";
import { start } from "./route.js";
import "./style.css";

if (reference !== undefined) document.querySelector("nav ul")?.append(h("li", {}, h("a", { href: reference }, "Reference")));
document.querySelector("footer")?.append(` Version ${version}.`);
// The address is that of a page, so the link may not change it.
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("main")?.focus();
});
start();
