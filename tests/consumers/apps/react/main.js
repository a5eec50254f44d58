import { createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Connects } from "./Connects.jsx";

createRoot(document.getElementById("app")).render(createElement(StrictMode, null, createElement(Connects)));
