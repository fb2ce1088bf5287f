// Swagger UI over our own document. What is tried goes out as a page of ours sends it: cookie and CSRF token.

const token = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=csrf-token]")).content;

window.SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  domNode: document.getElementById("swagger"),
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor: (/** @type {{headers: Record<string, string>}} */ request) => {
    request.headers["X-CSRF-Token"] = token;
    return request;
  },
});
