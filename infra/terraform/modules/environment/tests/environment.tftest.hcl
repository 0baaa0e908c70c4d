mock_provider "aws" {}

variables {
  environment        = "prod"
  account_id         = "123456789012"
  region             = "us-west-2"
  hostname           = "sleap.example.org"
  certificate_arn    = "arn:aws:acm:us-west-2:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  image              = "123456789012.dkr.ecr.us-west-2.amazonaws.com/sleap-rtc-service:0.1.0"
  min_count          = 2
  max_count          = 6
  throwaway          = false
  protected          = true
  notify_emails      = ["lab@example.org"]
  monthly_budget_usd = 400
}

run "what_the_service_is_told_is_what_is_made" {
  command = plan

  assert {
    condition     = output.service_settings["SLEAP_RTC_S3_UPLOAD_BUCKET"] == output.buckets.uploads && output.service_settings["SLEAP_RTC_S3_ROOM_BUCKET"] == output.buckets.rooms
    error_message = "The service has to look into the buckets that are made."
  }

  assert {
    condition     = output.buckets.uploads == "sleap-rtc-prod-123456789012-uploads"
    error_message = "A bucket's name has the account in it, so that nobody else has it."
  }

  assert {
    condition = (
      output.service_settings["SLEAP_RTC_UPLOAD_EVENTS_QUEUE"] == "sleap-rtc-prod-upload-events"
      && output.service_settings["SLEAP_RTC_MODEL_EVENTS_QUEUE"] == "sleap-rtc-prod-model-events"
      && output.service_settings["SLEAP_RTC_ROOM_EVENTS_TOPIC"] == "sleap-rtc-prod-room-events"
      && output.service_settings["SLEAP_RTC_JOB_QUEUE_PREFIX"] == "sleap-rtc-prod-jobs"
    )
    error_message = "Queues and topic of an environment are called after it."
  }

  assert {
    condition     = output.service_settings["SLEAP_RTC_ENVIRONMENT"] == "production"
    error_message = "The settings' word for prod is production."
  }

  assert {
    condition     = output.client_settings["SLEAP_RTC_BACKEND_API_URL"] == "https://sleap.example.org"
    error_message = "Clients reach the service by its hostname, over TLS."
  }

  assert {
    condition     = alltrue([for name in keys(output.operator_settings) : lookup(output.service_settings, name, output.operator_settings[name]) == output.operator_settings[name]])
    error_message = "The operator has to look at the queues that the service uses."
  }

  assert {
    condition     = alltrue([for name in output.alarm_names : startswith(name, "sleap-rtc-prod-")])
    error_message = "`sleap-rtc doctor --environment prod` looks for alarms whose names begin with sleap-rtc-prod-."
  }
}

run "nobody_comes_in_without_signing_in_wherever_it_stands" {
  command = plan

  variables {
    environment = "dev"
  }

  assert {
    condition     = output.service_settings["SLEAP_RTC_ENVIRONMENT"] == "development" && output.service_settings["SLEAP_RTC_ANONYMOUS_SIGNIN"] == "false"
    error_message = "development lets anybody sign in anonymously unless it is told not to, and this stands in the internet."
  }
}

run "a_setting_of_the_operators_comes_before_ours" {
  command = plan

  variables {
    settings = { SLEAP_RTC_EVENT_VISIBILITY_S = "90", SLEAP_RTC_STUN_URLS = "stun:stun.example.org" }
  }

  assert {
    condition     = output.service_settings["SLEAP_RTC_EVENT_VISIBILITY_S"] == "90" && output.service_settings["SLEAP_RTC_STUN_URLS"] == "stun:stun.example.org"
    error_message = "What the operator sets holds."
  }
}

run "workers_in_pods_get_manifests_for_their_rooms" {
  command = plan

  variables {
    oidc_provider_arn    = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
    oidc_issuer          = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE"
    oidc_subjects        = ["system:serviceaccount:sleap-rtc:sleap-rtc-worker"]
    scaler_oidc_subjects = ["system:serviceaccount:keda:keda-operator"]
    worker_rooms         = { a1b2c3d4 = 2 }
    worker_image         = "123456789012.dkr.ecr.us-west-2.amazonaws.com/sleap-rtc-worker:0.1.0"
  }

  assert {
    condition     = contains(keys(output.keda_manifests), "a1b2c3d4") && contains(keys(output.runai_manifests), "a1b2c3d4")
    error_message = "Each room that pods work for has its manifests."
  }
}

run "takes_no_environment_that_the_doctor_does_not_know" {
  command = plan

  variables {
    environment = "production"
  }

  expect_failures = [var.environment]
}

run "takes_no_certificate_of_another_region" {
  command = plan

  variables {
    certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [var.certificate_arn]
}

run "takes_no_rooms_for_pods_without_a_cluster" {
  command = plan

  variables {
    worker_rooms = { a1b2c3d4 = 2 }
  }

  expect_failures = [var.worker_rooms]
}
