import { handle } from "../../shop.js";

export const prerender = false;
export const POST = ({ request }) => handle(request);
