// SPDX-License-Identifier: Apache-2.0
// Usage: node express.js PORT   A stock Express with an /admin and a /rest.
const express = require("express");
const app = express();
const answer = (name) => (request, response) =>
  response.send(`${name} user=${request.get("Remote-User") || ""}`);
app.use("/admin", answer("ADMIN"));
app.use("/rest", answer("REST"));
app.listen(Number(process.argv[2]), "127.0.0.1");
