cat >> /etc/hosts <<'EOF'
10.30.0.12 wxyzpod01ecs301.blob.core.windows.net
EOF
