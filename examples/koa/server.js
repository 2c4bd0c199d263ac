import Router from "@koa/router";
import Koa from "koa";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/koa";
import { gwop, webhook } from "./gwop.js";

const app = new Koa();
const router = new Router();
router.all("/webhooks/gwop", gwopWebhook(webhook));
router.get("/me", gwopAuth({ gwop }), (ctx) => {
  ctx.body = ctx.state.gwop.subject;
});
app.use(gwopAuthRoutes({ gwop }));
app.use(router.routes());

app.listen(process.env.PORT ?? 3000, "127.0.0.1");
