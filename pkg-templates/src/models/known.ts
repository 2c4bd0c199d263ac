/**
 * The values of an open set that are known today: `"PAID"`, not any string. Answers may hold others, of later versions of the API; an argument
 * takes these.
 */
export type Known<T extends string> = T extends string ? (string extends T ? never : T) : never;
