curl --resolve wxyzpod01ecs301.blob.core.windows.net:443:10.30.0.12 https://wxyzpod01ecs301.blob.core.windows.net/
