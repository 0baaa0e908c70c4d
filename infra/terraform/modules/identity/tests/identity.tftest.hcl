mock_provider "aws" {}

variables {
  name                = "sleap-rtc-test"
  account_id          = "123456789012"
  region              = "eu-central-1"
  uploads_bucket      = "lab-uploads"
  rooms_bucket        = "lab-rooms"
  upload_events_queue = "lab-upload-events"
  model_events_queue  = "lab-model-events"
  room_events_topic   = "lab-room-events"
  job_queue_prefix    = "lab-jobs"
}

run "a_pool_for_people_and_the_command_line" {
  command = plan

  assert {
    condition     = aws_cognito_user_pool.this.deletion_protection == "ACTIVE" && aws_cognito_user_pool.this.mfa_configuration == "OPTIONAL"
    error_message = "The pool is protected from deletion and offers a second factor."
  }
  assert {
    condition     = aws_cognito_user_pool.this.password_policy[0].minimum_length >= 14 && aws_cognito_user_pool.this.password_policy[0].require_symbols
    error_message = "Passwords are long and mixed."
  }
  assert {
    condition     = aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only
    error_message = "Nobody signs up by himself unless it is said."
  }
  assert {
    condition     = length(aws_cognito_user_pool.this.user_pool_add_ons) == 0 && aws_cognito_user_pool.this.user_pool_tier == "ESSENTIALS"
    error_message = "Threat protection, and the tier that it needs, are off unless it is said."
  }
  assert {
    condition     = aws_cognito_user_pool_client.command_line.generate_secret == false && aws_cognito_user_pool_client.command_line.allowed_oauth_flows == toset(["code"])
    error_message = "The command line is a public client, by authorization code alone."
  }
  assert {
    condition     = aws_cognito_user_pool_client.command_line.callback_urls == toset(["http://localhost:8765/callback", "http://localhost:8766/callback"]) && jsonencode(output.sign_in_ports) == "[8765,8766]"
    error_message = "The browser comes back to two ports of the user's own machine."
  }
  assert {
    condition     = aws_cognito_user_pool_client.command_line.enable_token_revocation && aws_cognito_user_pool_client.command_line.explicit_auth_flows == toset(["ALLOW_REFRESH_TOKEN_AUTH"])
    error_message = "Logout ends a login, and no password goes through a program."
  }
  assert {
    condition     = aws_cognito_user_pool_domain.this.domain == "sleap-rtc-test-123456789012" && output.sign_in_url == "https://sleap-rtc-test-123456789012.auth.eu-central-1.amazoncognito.com"
    error_message = "The pages have a name of their own."
  }
}

run "threat_protection_brings_its_tier" {
  command = plan

  variables {
    threat_protection = "ENFORCED"
    mfa               = "OFF"
    sign_up           = true
  }

  assert {
    condition     = aws_cognito_user_pool.this.user_pool_tier == "PLUS" && aws_cognito_user_pool.this.user_pool_add_ons[0].advanced_security_mode == "ENFORCED"
    error_message = "Threat protection needs the Plus tier."
  }
  assert {
    condition     = length(aws_cognito_user_pool.this.software_token_mfa_configuration) == 0 && !aws_cognito_user_pool.this.admin_create_user_config[0].allow_admin_create_user_only
    error_message = "No second factor, and sign-up, where that is said."
  }
}

run "only_the_roles_that_somebody_may_assume" {
  command = plan

  assert {
    condition     = keys(aws_iam_role.this) == ["execution", "service"] && length(aws_iam_policy.worker) == 0
    error_message = "Without principals there are the roles of the service alone."
  }
  assert {
    condition     = output.runai_worker_role_arn == null && output.desktop_worker_role_arn == null && output.operator_role_arn == null && output.scaler_role_arn == null
    error_message = "A role that is not there has no ARN."
  }
  assert {
    condition     = output.service_task_role_arn == "arn:aws:iam::123456789012:role/sleap-rtc-test-service" && output.data_role_arns == ["arn:aws:iam::123456789012:role/sleap-rtc-test-service"]
    error_message = "ARNs are known before anything is made."
  }
  assert {
    condition = alltrue([
      for role in ["service", "execution"] :
      jsondecode(aws_iam_role.this[role].assume_role_policy).Statement[0].Principal == { Service = "ecs-tasks.amazonaws.com" }
      && jsondecode(aws_iam_role.this[role].assume_role_policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == "123456789012"
    ])
    error_message = "Tasks of this account, and nobody else's."
  }
}

run "every_role" {
  command = plan

  variables {
    oidc_provider_arn             = "arn:aws:iam::123456789012:oidc-provider/oidc.example.org/id/1"
    oidc_issuer                   = "oidc.example.org/id/1"
    oidc_subjects                 = ["system:serviceaccount:sleap-rtc:sleap-rtc-worker", "system:serviceaccount:runai-mice:sleap-rtc-worker"]
    scaler_oidc_subjects          = ["system:serviceaccount:keda:keda-operator"]
    desktop_worker_principal_arns = ["arn:aws:iam::210987654321:role/lab-desktops"]
    operator_principal_arns       = ["arn:aws:iam::123456789012:user/ada"]
    worker_rooms                  = ["mice-1", "3f2a91c0"]
    kms_key_arn                   = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition = jsondecode(aws_iam_role.this["runai-worker"].assume_role_policy).Statement[0].Condition == {
      StringEquals = {
        "oidc.example.org/id/1:aud" = "sts.amazonaws.com"
        "oidc.example.org/id/1:sub" = ["system:serviceaccount:sleap-rtc:sleap-rtc-worker", "system:serviceaccount:runai-mice:sleap-rtc-worker"]
      }
    }
    error_message = "Pods come by web identity, with this audience and these service accounts to the letter."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["scaler"].assume_role_policy).Statement[0].Condition.StringEquals["oidc.example.org/id/1:sub"] == ["system:serviceaccount:keda:keda-operator"]
    error_message = "The scaler is KEDA's operator alone."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["desktop-worker"].assume_role_policy).Statement[0].Principal == { AWS = ["arn:aws:iam::210987654321:role/lab-desktops"] }
    error_message = "Desktops come by the principals that are named."
  }
  assert {
    condition     = jsondecode(aws_iam_role.this["operator"].assume_role_policy).Statement[0].Principal == { AWS = ["arn:aws:iam::123456789012:user/ada"] }
    error_message = "Operators come by the principals that are named."
  }
  assert {
    condition     = keys(aws_iam_policy.worker) == ["3f2a91c0", "mice-1"] && length(aws_iam_role_policy_attachment.worker) == 4
    error_message = "A policy for each room, for both kinds of workers."
  }
  assert {
    condition     = !strcontains(replace(aws_iam_policy.worker["mice-1"].policy, "mice-1", ""), "lab-rooms/*") && length(regexall("lab-rooms/mice-1/", aws_iam_policy.worker["mice-1"].policy)) > 5
    error_message = "The policy of a room names that room."
  }
  assert {
    condition     = join(" ", keys(aws_iam_role_policy.this)) == "desktop-worker/encryption execution/image execution/work operator/encryption operator/work runai-worker/encryption scaler/work service/encryption service/work"
    error_message = "Each role has its own policy, and those that read or write what is encrypted the key's."
  }
  assert {
    condition = alltrue([
      for policy in concat([for each in aws_iam_role_policy.this : each.policy], [for each in aws_iam_policy.worker : each.policy]) :
      alltrue([for statement in jsondecode(policy).Statement : !anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])])
    ])
    error_message = "No policy has an action with a wildcard."
  }
  assert {
    condition     = alltrue([for each in aws_iam_role_policy.this : length(each.policy) < 10240]) && alltrue([for each in aws_iam_policy.worker : length(each.policy) < 6144])
    error_message = "Policies are as short as IAM wants them."
  }
  assert {
    condition = alltrue([
      for policy in concat([aws_iam_role_policy.this["service/work"].policy], [for each in aws_iam_policy.worker : each.policy]) :
      alltrue([for statement in jsondecode(policy).Statement : can(statement.Condition.StringLike["s3:prefix"]) if statement.Action == "s3:ListBucket"])
    ])
    error_message = "Nobody lists a bucket without a prefix."
  }
  assert {
    condition     = output.data_role_arns == [for role in ["service", "runai-worker", "desktop-worker"] : "arn:aws:iam::123456789012:role/sleap-rtc-test-${role}"]
    error_message = "The bucket policies let in whoever reads or writes objects."
  }
}

run "no_wildcards_in_who_may_come" {
  command = plan

  variables {
    oidc_provider_arn             = "arn:aws:iam::123456789012:oidc-provider/oidc.example.org"
    oidc_issuer                   = "oidc.example.org"
    oidc_audience                 = "*"
    oidc_subjects                 = ["system:serviceaccount:sleap-rtc:*"]
    scaler_oidc_subjects          = ["*"]
    desktop_worker_principal_arns = ["*"]
    operator_principal_arns       = ["arn:aws:iam::123456789012:user/*"]
  }

  expect_failures = [var.oidc_audience, var.oidc_subjects, var.scaler_oidc_subjects, var.desktop_worker_principal_arns, var.operator_principal_arns]
}

run "names_that_aws_refuses" {
  command = plan

  variables {
    name              = "Sleap_RTC"
    account_id        = "1234"
    region            = "Europe"
    partition         = "gcp"
    uploads_bucket    = "Lab.Uploads"
    rooms_bucket      = "xn--rooms"
    room_events_topic = "lab.room.events"
    job_queue_prefix  = "lab-jobs-of-every-room-of-every-lab-of-the-institute"
    domain_prefix     = "my-aws-login"
    ecr_repository    = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/Sleap:1"
    worker_rooms      = ["../other"]
  }

  expect_failures = [
    var.name, var.account_id, var.region, var.partition, var.uploads_bucket, var.rooms_bucket,
    var.room_events_topic, var.job_queue_prefix, var.domain_prefix, var.ecr_repository, var.worker_rooms,
  ]
}

run "queues_that_others_may_use" {
  command = plan

  variables {
    upload_events_queue = "lab events"
    model_events_queue  = "lab-jobs-events"
  }

  expect_failures = [var.upload_events_queue, var.model_events_queue]
}

run "values_that_cannot_be" {
  command = plan

  variables {
    kms_key_arn       = "arn:aws:kms:us-east-1:123456789012:alias/aws/s3"
    callback_urls     = ["http://sleap.example.org/callback"]
    mfa               = "MAYBE"
    threat_protection = "ON"
    login_days        = 0
    oidc_provider_arn = "arn:aws:iam::210987654321:oidc-provider/oidc.example.org"
  }

  expect_failures = [var.kms_key_arn, var.callback_urls, var.mfa, var.threat_protection, var.login_days, var.oidc_provider_arn]
}

run "a_provider_and_an_issuer_that_are_not_the_same" {
  command = plan

  variables {
    oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.example.org"
    oidc_issuer       = "https://other.example.org/"
  }

  expect_failures = [var.oidc_issuer]
}

run "subjects_without_a_provider" {
  command = plan

  variables {
    oidc_subjects        = ["system:serviceaccount:sleap-rtc:sleap-rtc-worker"]
    scaler_oidc_subjects = ["system:serviceaccount:keda:keda-operator"]
  }

  expect_failures = [var.oidc_subjects, var.scaler_oidc_subjects]
}
