import onesocket = require("onesocket");

export const client: onesocket.Client = onesocket.createClient({ url: "wss://app.example/ws" });
