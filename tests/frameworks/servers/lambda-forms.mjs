// Events and responses of AWS Lambda's callers, created from HTTP requests as AWS documents it:
// docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// (payload formats 1.0 and 2.0), docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html,
// docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
const bodyOf = ({ body }, base64) => ({
  body: body.length > 0 ? body.toString(base64 ? "base64" : "utf8") : null,
  isBase64Encoded: base64 && body.length > 0,
});
const queryOf = (url) => Object.fromEntries(new URL(url, "http://localhost").searchParams);
const pathOf = (url) => url.split("?")[0];
/**
 * Returns all values of each name. The gateways of version 1 do not change the names, the others
 * make them lower-case.
 */
const listsOf = (pairs) => {
  const lists = {};
  for (const [name, value] of pairs) (lists[name] ??= []).push(value);
  return lists;
};
const lowered = (pairs) => pairs.map(([name, value]) => [name.toLowerCase(), value]);
const lastOf = (lists) =>
  Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.at(-1)]));
const joined = (lists) =>
  Object.fromEntries(Object.entries(lists).map(([name, values]) => [name, values.join(",")]));
const single = {
  result: (statusCode, body) => ({
    statusCode,
    headers: { "content-type": "application/json" },
    body,
  }),
};

/** Refuses responses for which the gateways would send a 502. */
function answer(
  { statusCode, headers = {}, multiValueHeaders, body, isBase64Encoded = false },
  isMulti = false,
) {
  if (!Number.isInteger(statusCode) || typeof body !== "string" || isBase64Encoded !== false)
    throw new Error("malformed Lambda proxy response");
  if (isMulti !== (multiValueHeaders !== undefined))
    throw new Error("the answer's headers are not in the form of the event's");
  return { status: statusCode, headers: multiValueHeaders ?? headers, body };
}

/** The additional requirements of a load balancer. */
function balanced(result, isMulti) {
  if (!new RegExp(`^${result.statusCode} [A-Z]`).test(result.statusDescription))
    throw new Error(`statusDescription: ${result.statusDescription}`);
  return answer(result, isMulti);
}

function version2(request, base64, more) {
  const { method, url, pairs } = request;
  const { cookie: _, ...headers } = joined(listsOf(lowered(pairs)));
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: pathOf(url),
    rawQueryString: url.split("?")[1] ?? "",
    headers,
    requestContext: {
      http: {
        method,
        path: pathOf(url),
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "gwop",
      },
      stage: "$default",
      ...more,
    },
    ...bodyOf(request, base64),
    // Left out if there is none.
    ...(request.body.length === 0 && { body: undefined }),
  };
}

export const FORMS = {
  "API Gateway 1.0": {
    event: (request, base64) => {
      const { method, url, pairs } = request;
      const multiValueHeaders = listsOf(pairs);
      return {
        resource: "/{proxy+}",
        path: pathOf(url),
        httpMethod: method,
        headers: lastOf(multiValueHeaders),
        multiValueHeaders,
        queryStringParameters: queryOf(url),
        requestContext: {
          resourcePath: "/{proxy+}",
          httpMethod: method,
          path: `/prod${pathOf(url)}`,
          stage: "prod",
        },
        ...bodyOf(request, base64),
      };
    },
    answer: (result) => answer(result),
    ...single,
  },
  "API Gateway 2.0": {
    event: (request, base64) => version2(request, base64, { apiId: "api" }),
    answer: (result) => answer(result),
    ...single,
  },
  "API Gateway 2.0 with a stage": {
    event(request, base64) {
      const event = version2(request, base64, { apiId: "api", stage: "prod" });
      return { ...event, rawPath: `/prod${event.rawPath}` };
    },
    answer: (result) => answer(result),
    ...single,
  },
  "function URL": {
    event: (request, base64) =>
      version2(request, base64, { domainName: "x.lambda-url.eu-west-1.on.aws" }),
    answer: (result) => answer(result),
    ...single,
  },
  "load balancer": {
    event: (request, base64) => ({
      requestContext: {
        elb: { targetGroupArn: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/1" },
      },
      httpMethod: request.method,
      path: pathOf(request.url),
      queryStringParameters: queryOf(request.url),
      headers: lastOf(listsOf(lowered(request.pairs))),
      ...bodyOf(request, base64),
      body: bodyOf(request, base64).body ?? "",
    }),
    answer: (result) => balanced(result, false),
    result: (statusCode, body) => ({
      ...single.result(statusCode, body),
      statusDescription: "200 OK",
    }),
  },
  "load balancer with multi-value headers": {
    event: (request, base64) => ({
      requestContext: {
        elb: { targetGroupArn: "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/1" },
      },
      httpMethod: request.method,
      path: pathOf(request.url),
      multiValueQueryStringParameters: {},
      multiValueHeaders: listsOf(lowered(request.pairs)),
      ...bodyOf(request, base64),
      body: bodyOf(request, base64).body ?? "",
    }),
    answer: (result) => balanced(result, true),
    result: (statusCode, body) => ({
      statusCode,
      statusDescription: "200 OK",
      multiValueHeaders: { "content-type": ["application/json"] },
      body,
    }),
  },
};
