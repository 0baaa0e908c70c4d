# Who people are. The command line signs in with the browser of the user's own machine (docs/sign-in.md).
resource "aws_cognito_user_pool" "this" {
  name                     = var.name
  deletion_protection      = var.deletion_protection ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = var.mfa
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  user_pool_tier           = var.threat_protection == "OFF" ? "ESSENTIALS" : "PLUS"
  tags                     = merge(var.tags, { Name = var.name })

  username_configuration {
    case_sensitive = false
  }

  admin_create_user_config {
    allow_admin_create_user_only = !var.sign_up
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = "verified_email"
      priority = 1
    }
  }

  password_policy {
    minimum_length                   = 14
    require_lowercase                = true
    require_uppercase                = true
    require_numbers                  = true
    require_symbols                  = true
    temporary_password_validity_days = 7
  }

  # People see each other by it; the user names of a pool that signs in by e-mail are made up.
  schema {
    name                     = "name"
    attribute_data_type      = "String"
    required                 = true
    mutable                  = true
    developer_only_attribute = false

    string_attribute_constraints {
      min_length = "1"
      max_length = "100"
    }
  }

  dynamic "software_token_mfa_configuration" {
    for_each = var.mfa == "OFF" ? [] : [true]

    content {
      enabled = true
    }
  }

  dynamic "user_pool_add_ons" {
    for_each = var.threat_protection == "OFF" ? [] : [var.threat_protection]

    content {
      advanced_security_mode = user_pool_add_ons.value
    }
  }

  lifecycle {
    # A pool's attributes cannot be changed, and Cognito adds to what is said of them.
    ignore_changes = [schema]
  }
}

resource "aws_cognito_user_pool_domain" "this" {
  domain                = local.domain
  user_pool_id          = aws_cognito_user_pool.this.id
  managed_login_version = 2
}

# The pages of managed login need a style, if only Cognito's own.
resource "aws_cognito_managed_login_branding" "this" {
  client_id                   = aws_cognito_user_pool_client.command_line.id
  user_pool_id                = aws_cognito_user_pool.this.id
  use_cognito_provided_values = true
}

# A program on a user's machine can keep no secret: a public client. Cognito takes PKCE, which ours always sends.
resource "aws_cognito_user_pool_client" "command_line" {
  name         = "${var.name}-command-line"
  user_pool_id = aws_cognito_user_pool.this.id

  generate_secret                      = false
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_scopes                 = ["openid", "profile"]
  callback_urls                        = var.callback_urls
  supported_identity_providers         = ["COGNITO"]
  # No way to sign in but the pages: the program never sees a password.
  explicit_auth_flows           = ["ALLOW_REFRESH_TOKEN_AUTH"]
  prevent_user_existence_errors = "ENABLED"
  enable_token_revocation       = true
  read_attributes               = ["email", "email_verified", "name"]
  write_attributes              = ["email", "name"]

  access_token_validity  = 60
  id_token_validity      = 60
  refresh_token_validity = var.login_days

  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }
}

locals {
  domain        = coalesce(var.domain_prefix, "${var.name}-${var.account_id}")
  domain_suffix = var.partition == "aws-us-gov" ? "auth-fips.${var.region}.amazoncognito.com" : "auth.${var.region}.amazoncognito.com"
  sign_in_url   = "https://${local.domain}.${local.domain_suffix}"
  sign_in_ports = [for url in var.callback_urls : tonumber(regex(":([0-9]+)/", url)[0])]
  user_pool_id  = aws_cognito_user_pool.this.id
  issuer        = "https://cognito-idp.${var.region}.amazonaws.com/${aws_cognito_user_pool.this.id}"
  jwks_url      = "${local.issuer}/.well-known/jwks.json"
  discovery_url = "${local.issuer}/.well-known/openid-configuration"
  audiences     = [aws_cognito_user_pool_client.command_line.id]
}
