import { env } from "node:process";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = env["ONESOCKET_URL"] ?? "http://127.0.0.1:8080";

// Nothing here concerns the package `onesocket` or its wasm: needing no configuration is part of what
// this page shows. The host header is left as the browser sent it, for the server compares it with the
// origin.
export default defineConfig({
  plugins: [react()],
  server: {
    proxy: {
      "/ws": { target: server, ws: true },
      "/token": { target: server },
      "/connections": { target: server },
    },
  },
});
