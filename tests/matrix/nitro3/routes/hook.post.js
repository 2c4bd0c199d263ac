import { defineHandler } from "nitro/h3";
import { handle } from "../shop.js";

export default defineHandler((event) => handle(event.req));
