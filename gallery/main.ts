// The gallery: the engine at work in the visitor's browser.
import { version } from "virtual:gallery";
import { start } from "./route.js";
import "./style.css";

document.querySelector("footer")?.append(` Version ${version}.`);
// The address is that of a page, so the link may not change it.
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("main")?.focus();
});
start();
