import { Component, provideZonelessChangeDetection, signal } from "@angular/core";
import { bootstrapApplication } from "@angular/platform-browser";
import { createClient, type State } from "onesocket";

@Component({ selector: "app-root", template: "<output>{{ state() }}</output>" })
class App {
  readonly state = signal<State>("idle");

  constructor() {
    const query = new URLSearchParams(location.search);
    const token = query.get("token") ?? "";
    const client = createClient({ url: query.get("server") ?? "", getToken: () => token });
    client.on("state", ({ current }) => this.state.set(current));
    client.on("message", ({ data }) => {
      document.title = JSON.stringify({ state: client.state, data });
    });
    void client.connect().then(() => client.send("hello"));
  }
}

void bootstrapApplication(App, { providers: [provideZonelessChangeDetection()] });
