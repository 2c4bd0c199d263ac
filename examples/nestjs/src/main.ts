import "reflect-metadata";
import { Controller, Get, Module, Req, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { VerifiedToken } from "@gwop/sdk/handlers";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/nestjs";
import { gwop, webhook } from "./gwop.js";

@Controller("me")
@UseGuards(gwopAuth({ gwop }))
class MeController {
  @Get()
  me(@Req() request: { gwop: VerifiedToken }): string {
    return request.gwop.subject;
  }
}

@Module({ controllers: [MeController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ["error", "warn"] });
// These run before Nest's body parsers.
app.use("/webhooks/gwop", gwopWebhook(webhook));
app.use(gwopAuthRoutes({ gwop }));
await app.listen(process.env["PORT"] ?? 3000, "127.0.0.1");
