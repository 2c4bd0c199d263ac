import express from "express";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/express";
import { gwop, webhook } from "./gwop.js";

const app = express();
app.all("/webhooks/gwop", gwopWebhook(webhook));
app.use(gwopAuthRoutes({ gwop }));
// Routes below this line get parsed bodies.
app.use(express.json());
app.get("/me", gwopAuth({ gwop }), (req, res) => res.send(req.gwop.subject));

app.listen(process.env.PORT ?? 3000, "127.0.0.1");
