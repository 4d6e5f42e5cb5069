INSERT INTO dns (name, type, content) VALUES ('wxyzpod01ecs301.privatelink.blob.core.windows.net', 'A', '10.30.0.12');
