import { handle } from "../shop.js";

export default defineEventHandler((event) => handle(toWebRequest(event)));
