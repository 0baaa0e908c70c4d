# What the parts of the product are told of this environment (docs/reference/settings.md).
locals {
  environments = { dev = "development", staging = "staging", prod = "production" }

  # Everybody who looks at the queues: the service, and the operator's `sleap-rtc doctor` and `events`.
  shared_settings = {
    SLEAP_RTC_UPLOAD_EVENTS_QUEUE = module.eventing.upload_events_queue_name
    SLEAP_RTC_MODEL_EVENTS_QUEUE  = module.eventing.model_events_queue_name
    SLEAP_RTC_ROOM_EVENTS_TOPIC   = local.room_events_topic
    SLEAP_RTC_JOB_QUEUE_PREFIX    = local.job_queue_prefix
    SLEAP_RTC_S3_UPLOAD_BUCKET    = module.storage.uploads_bucket
    SLEAP_RTC_S3_ROOM_BUCKET      = module.storage.rooms_bucket
  }

  service_settings = merge(local.shared_settings, {
    SLEAP_RTC_ENVIRONMENT        = local.environments[var.environment]
    SLEAP_RTC_EVENT_VISIBILITY_S = tostring(local.event_visibility_s)
    SLEAP_RTC_ISSUER             = module.identity.issuer
    SLEAP_RTC_JWKS_URL           = module.identity.jwks_url
    SLEAP_RTC_DISCOVERY_URL      = module.identity.discovery_url
    SLEAP_RTC_AUDIENCE           = module.identity.audiences[0]
    SLEAP_RTC_SIGN_IN_PORTS      = join(",", module.identity.sign_in_ports)
    # Whatever the environment: it stands in the internet.
    SLEAP_RTC_ANONYMOUS_SIGNIN = "false"
  }, var.settings)

  client_settings = {
    SLEAP_RTC_BACKEND_API_URL = module.service.url
  }

  operator_settings = merge(local.client_settings, local.shared_settings, {
    SLEAP_RTC_S3_REGION = var.region
  })
}
