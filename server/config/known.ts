/**
 * What LiteLLM's proxy reads from a config, and what is planned here, but this version does not implement.
 *
 * A name that ends in `*` stands for every name that begins so.
 */

/** `ignored` does no harm; the others say plainly what the operator must not count on. */
export type Lack = "ignored" | "unenforced" | "uncharged" | "withheld";

export type Lacks = { readonly [Kind in Lack]?: readonly string[] };

function names(list: string): readonly string[] {
  return list.trim().split(/\s+/);
}

const unchargedPrices = names(`
  output_cost_per_character input_cost_per_pixel output_cost_per_pixel
  output_cost_per_reasoning_token input_cost_per_token_batches output_cost_per_token_batches
  input_cost_per_token_cache_hit input_cost_per_token_flex output_cost_per_token_flex input_cost_per_token_priority
  output_cost_per_token_priority cache_read_input_token_cost_flex cache_read_input_token_cost_priority
  input_cost_per_token_above_* output_cost_per_token_above_* cache_read_input_token_cost_above_*
  cache_creation_input_token_cost_above_* input_cost_per_video_per_second
  output_cost_per_audio_per_second output_cost_per_video_per_second search_context_cost_per_query citation_cost_per_token
  tiered_pricing ptu_count cost_per_ptu_per_hour ptu_effective_from ptu_effective_to
`);

export const fileLacks: Lacks = {
  ignored: names(`
    callback_settings credential_list vector_store_registry mcp_servers mcp_tools mcp_settings files_settings finetune_settings
    assistant_settings agent_list agents prompts search_tools tools include sandbox_settings skills_settings
  `),
  unenforced: names("guardrails policies policy_attachments"),
};

export const modelListEntryLacks: Lacks = {
  ignored: names("description tags"),
  unenforced: names("model_access_groups access_groups rpm tpm"),
};

export const litellmParamsLacks: Lacks = {
  ignored: names(`
    temperature top_p top_k n stop max_tokens max_completion_tokens presence_penalty frequency_penalty logit_bias seed user
    response_format reasoning_effort thinking tools tool_choice parallel_tool_calls logprobs top_logprobs service_tier modalities
    audio prediction verbosity store metadata extra_body extra_headers additional_drop_params allowed_openai_params dimensions
    encoding_format input_type stream stream_options web_search_options max_retries num_retries cooldown_time order tags tag_regex
    region_name litellm_trace_id max_file_size_mb use_in_pass_through use_chat_completions_api merge_reasoning_content_in_choices
    model_info mock_timeout mock_delay mock_tool_calls cache caching ttl custom_tokenizer prompt_id prompt_variables prompt_label
    cache_control_injection_points configurable_clientside_auth_params supports_system_message hf_model_name ssl_verify
    initial_prompt_value roles final_prompt_value bos_token eos_token add_function_to_prompt modify_params keepalive_seconds
    allow_client_keepalive_override litellm_metadata litellm_session_id health_check_model fallbacks
    context_window_fallbacks content_policy_fallbacks azure_ad_token azure_ad_token_provider azure_scope azure_username azure_password
    tenant_id client_id client_secret project project_id space_id aws_* vertex_* s3_* gcs_* bedrock_* watsonx_* milvus_* valkey_*
    auto_router_* complexity_router_* adaptive_router_* quality_router_* vector_store_id vector_store_ids vector_bucket_name
    index_name embedding_model
  `),
  unenforced: names(`
    itpm otpm max_budget budget_duration default_api_key_rpm_limit default_api_key_tpm_limit guardrails
  `),
  uncharged: unchargedPrices,
  // Each of these says where a call goes or as whom: without it the call would go to somebody else.
  withheld: names(
    "base_url custom_llm_provider litellm_credential_name use_litellm_proxy use_xai_oauth",
  ),
};

export const modelInfoLacks: Lacks = {
  ignored: names(`
    db_model updated_at updated_by created_at created_by tier description version labels litellm_provider key output_vector_size rpm tpm region supported_environments supported_endpoints supported_openai_params supports_*
    health_check_* disable_background_health_check custom_tokenizer deprecation_date team_public_model_name allow_fail_open
    enable_tag_filtering source
  `),
  unenforced: names("access_groups team_id blocked access_via_team_ids direct_access"),
  uncharged: unchargedPrices,
};

/** Values of `model_info.mode` that name routes which are not served. */
export const laterModes: readonly string[] = names(
  "image_edit batch realtime search ocr video_generation vector_store",
);

export const generalSettingsLacks: Lacks = {
  ignored: names(`
    completion_model embedding_model image_generation_model moderation_model infer_model_from_keys store_prompts_in_spend_logs
    forward_client_headers_to_llm_api forward_openai_org_id disable_spend_logs disable_spend_updates disable_master_key_return
    disable_retry_on_max_parallel_request_limit_error disable_adding_master_key_hash_to_db disable_error_logs disable_prisma_schema_update
    key_management_system key_management_settings use_google_kms use_azure_key_vault database_connection_pool_limit
    database_connection_timeout database_type database_args database_extra_connection_params allow_requests_on_db_unavailable
    use_shared_health_check background_health_checks health_check_* alerting alerting_threshold alerting_args alert_types
    alert_to_webhook_url email_settings spend_report_frequency store_model_in_db supported_db_objects user_mcp_management_mode
    mcp_* proxy_batch_write_at proxy_batch_polling_interval proxy_budget_rescheduler_min_time proxy_budget_rescheduler_max_time
    user_api_key_cache_ttl litellm_key_header_name litellm_license custom_sso custom_ui_sso_sign_in_handler custom_key_generate
    custom_key_update ui_access_mode ui_settings enable_oauth2_auth oauth2_config_mappings enable_oauth2_proxy_auth enable_jwt_auth
    litellm_jwtauth allow_user_auth pass_through_endpoints use_client_credentials_pass_through_routes maximum_spend_logs_*
    use_redis_transaction_buffer coordination_redis allow_client_side_credentials always_include_stream_usage
    enable_health_check_routing custom_auth_run_common_checks custom_auth_settings auto_redirect_ui_login_to_sso control_plane_url
    proxy_base_url disable_reset_budget use_x_forwarded_for plugins default_user_params disable_responses_id_security
  `),
  unenforced: names(`
    allowed_ips allowed_routes public_routes admin_only_routes disable_llm_api_endpoints disable_admin_endpoints enforced_params
    enforce_user_param reject_clientside_metadata_tags service_account_settings default_team_disabled role_permissions
    role_based_access_control_mappings max_parallel_requests global_max_parallel_requests max_response_size_mb require_end_user_mcp_access_defined
    enforce_rbac
  `),
};

export const litellmSettingsLacks: Lacks = {
  ignored: names(`
    callbacks success_callback failure_callback service_callback service_callbacks audit_log_callbacks store_audit_logs s3_callback_params
    gcs_callback_params turn_off_message_logging redact_messages_in_exceptions redact_user_api_key_info langfuse_default_tags
    log_raw_request_response json_logs prometheus_* custom_prometheus_* enable_end_user_cost_tracking_prometheus_only
    disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only enable_preview_features modify_params num_retries
    num_retries_per_request retry allowed_fails cooldown_time fallbacks default_fallbacks content_policy_fallbacks
    context_window_fallbacks context_window_fallback_dict cache cache_params enable_caching_on_provider_specific_optional_params
    disable_cache force_ipv4 ssl_verify ssl_certificate ssl_security_level aiohttp_* disable_aiohttp_* network_mock telemetry
    model_cost model_cost_map_url register_model custom_provider_map cost_discount_config cost_margin_config mcp_aliases responses
    public_model_groups public_model_groups_links public_agent_groups model_group_settings post_call_rules pre_call_rules
    default_internal_user_params default_team_params default_team_settings disable_add_transform_inline_image_block
    disable_hf_tokenizer_download disable_token_counter disable_copilot_system_to_assistant disable_add_prefix_to_prompt
    enable_json_schema_validation enable_key_alias_format_validation forward_traceparent_to_llm_provider add_function_to_prompt
    drop_unknown_params additional_drop_params use_chat_completions_url_for_anthropic_messages reasoning_auto_summary
    return_response_headers include_cost_in_streaming_usage headers api_base api_version organization user default_headers
    vertex_project vertex_location bedrock_* aws_* azure_key openai_key generic_logger_headers global_prompt_directory
    global_bitbucket_config global_gitlab_config global_disable_no_log_param datadog_* langsmith_* otel* arize_* tag_budget_config_*
    suppress_debug_info set_fallbacks ui_theme_config request_timeout_stream stream_timeout default_redis_ttl
    default_redis_batch_cache_expiry default_in_memory_ttl upperbound_key_duration a2a_* max_end_user_cache_size
    default_vertex_config initialize_*
  `),
  unenforced: names(`
    max_budget budget_duration budget_manager max_user_budget max_internal_user_budget default_max_internal_user_budget
    internal_user_budget_duration max_end_user_budget max_end_user_budget_id upperbound_key_generate_params key_generation_settings
    tag_budget_config guardrails banned_keywords_list blocked_user_list llm_guard_mode google_moderation_confidence_threshold
    max_ui_session_budget priority_reservation priority_reservation_settings require_auth_for_metrics_endpoint
    default_key_max_budget default_key_rpm_limit default_key_tpm_limit
  `),
};

export const defaultKeyGenerateParamsLacks: Lacks = {
  ignored: names(
    "user_id team_id organization_id tags aliases config key_alias budget_id key_type auto_rotate rotation_interval",
  ),
  unenforced: names(`
    permissions allowed_routes allowed_ips guardrails blocked
  `),
};

export const routerSettingsLacks: Lacks = {
  ignored: names(`
    routing_strategy routing_strategy_args routing_groups redis_url redis_host redis_port redis_password redis_db redis_ssl
    redis_startup_nodes enable_pre_call_check enable_pre_call_checks optional_pre_call_checks deployment_affinity_ttl_seconds
    allowed_fails allowed_fails_policy cooldown_time disable_cooldowns enable_tag_filtering tag_filtering_match_any retry_policy
    retry_after model_group_retry_policy num_retries max_fallbacks fallbacks default_fallbacks content_policy_fallbacks
    context_window_fallbacks default_priority polling_interval default_litellm_params timeout stream_timeout
    debug_level set_verbose client_ttl cache_kwargs cache_responses caching_groups alerting_config assistants_config
    router_general_settings ignore_invalid_deployments search_tools enable_health_check_routing health_check_* model_list
  `),
  unenforced: names(
    "default_max_parallel_requests provider_budget_config guardrail_list model_group_affinity_config",
  ),
};

/** Providers that LiteLLM reaches and this version does not. */
export const laterProviders: readonly string[] = names(`
  a2a ai21 ai21_chat aihubmix aiml aiohttp_openai amazon_nova anthropic_text assemblyai auto_router azure_ai azure_text
  baseten bedrock_mantle black_forest_labs bytez cerebras chatgpt clarifai cloudflare codestral cohere_chat cometapi
  compactifai custom dashscope databricks datarobot deepgram deepinfra docker_model_runner dotprompt elevenlabs empower fal_ai
  featherless_ai friendliai galadriel gigachat github github_copilot google gradient_ai helicone heroku humanloop hyperbolic
  infinity jina_ai lambda_ai langfuse langgraph lemonade litellm_proxy llamafile llamagate lm_studio maritalk meta_llama minimax
  moonshot morph nanogpt nebius nlp_cloud novita nscale nvidia_nim oci ollama_chat oobabooga openai_like ovhcloud palm petals poe
  predibase publicai ragflow recraft replicate runwayml sagemaker sagemaker_chat sagemaker_nova sambanova sap snowflake stability
  synthetic text-completion-codestral text-completion-openai topaz triton v0 vercel_ai_gateway vertex_ai_beta vllm
  volcengine voyage wandb watsonx watsonx_text xiaomi_mimo xinference zai
`);

/** What to write here for a name of that proxy. */
export const instead: Readonly<Record<string, string>> = {
  base_url: "api_base",
  extra_headers: "headers",
  database_connection_pool_limit: "database_pool_size",
  user_api_key_cache_ttl: "max_key_staleness_s",
};
