D("privatelink.blob.core.windows.net", REG_NONE,
  A("wxyzpod01ecs301", "10.30.0.12", TTL(10)),
);
