// Swagger UI's start script, which FastAPI's own page would put inline.
addEventListener("load", () => {
  const target = document.getElementById("swagger-ui");
  window.SwaggerUIBundle({
    url: target.dataset.openapi,
    domNode: target,
    deepLinking: true,
    persistAuthorization: false,
    validatorUrl: null,
  });
});
