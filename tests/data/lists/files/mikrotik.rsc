/ip dns static
add address=10.30.0.12 name=wxyzpod01ecs301.privatelink.blob.core.windows.net ttl=10s
add address=10.30.0.13 disabled=no name=wxyzpod01ecs301.privatelink.queue.core.windows.net
