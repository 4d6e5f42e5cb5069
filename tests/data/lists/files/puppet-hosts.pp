host { 'wxyzpod01ecs301.blob.core.windows.net':
  ensure => present,
  ip     => '10.30.0.12',
}
