/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's directives, configurations and phases.
 * docs/reference/directives.md describes what a reader of nginx.conf sees.
 */
#include "nginx/ngx_http_postern.h"

#include <sys/un.h>

enum {
    DEFAULT_FAILURES = 20,
    DEFAULT_WINDOW_S = 60,
    FAILURES_MAX = 1000000, /* what a counter holds */
    WINDOW_MAX_S = 3600,
    APP_NAME_MAX = 64,
    INDEX_PATH_MAX = 3072
};

static ngx_conf_enum_t modes[] = {
    {ngx_string("off"), NGX_HTTP_POSTERN_OFF},
    {ngx_string("optional"), NGX_HTTP_POSTERN_OPTIONAL},
    {ngx_string("required"), NGX_HTTP_POSTERN_REQUIRED},
    {ngx_null_string, 0},
};

static char *set_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_index(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_usage(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_failures(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *set_secure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *add_names(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

enum { ANYWHERE = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF };

static ngx_command_t commands[] = {
    {ngx_string("postern"), ANYWHERE | NGX_CONF_TAKE1, set_mode,
     NGX_HTTP_LOC_CONF_OFFSET, 0, modes},
    {ngx_string("postern_app"), ANYWHERE | NGX_CONF_TAKE1, set_app,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("postern_secure"), ANYWHERE | NGX_CONF_TAKE1, set_secure,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("postern_identity_headers"), ANYWHERE | NGX_CONF_1MORE,
     add_names, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("postern_index"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     set_index, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("postern_usage"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     set_usage, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    {ngx_string("postern_failures"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
     set_failures, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL},
    ngx_null_command,
};

static char *
set_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_loc_conf_t *lcf = conf;
    ngx_http_postern_srv_conf_t *scf =
        ngx_http_conf_get_module_srv_conf(cf, ngx_http_postern_module);
    ngx_str_t *value = cf->args->elts;

    if (lcf->mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }
    for (ngx_conf_enum_t *e = cmd->post; e->name.len > 0; e++) {
        if (e->name.len == value[1].len
            && ngx_strcmp(e->name.data, value[1].data) == 0) {
            lcf->mode = e->value;
            lcf->file = cf->conf_file->file.name;
            lcf->line = cf->conf_file->line;
            if (lcf->mode != NGX_HTTP_POSTERN_OFF) {
                scf->used = 1;
            }
            return NGX_CONF_OK;
        }
    }
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"postern\" takes off, optional or required, not "
                       "\"%V\"",
                       &value[1]);
    return NGX_CONF_ERROR;
}

static char *
set_app(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_loc_conf_t *lcf = conf;
    ngx_str_t *value = cf->args->elts;

    (void) cmd;
    if (lcf->app.data != NULL) {
        return "is duplicate";
    }
    if (value[1].len == 0 || value[1].len > APP_NAME_MAX
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_app\" takes the name of an app (1 to %d "
                           "bytes, no variables), not \"%V\"",
                           APP_NAME_MAX, &value[1]);
        return NGX_CONF_ERROR;
    }
    lcf->app = value[1];
    return NGX_CONF_OK;
}

static char *
set_index(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_main_conf_t *mcf = conf;
    ngx_str_t *value = cf->args->elts;

    (void) cmd;
    if (mcf->index.data != NULL) {
        return "is duplicate";
    }
    if (value[1].len == 0 || value[1].len > INDEX_PATH_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_index\" takes a directory (1 to %d "
                           "bytes)",
                           INDEX_PATH_MAX);
        return NGX_CONF_ERROR;
    }
    mcf->index = value[1];
    return ngx_conf_full_name(cf->cycle, &mcf->index, 0) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}

static char *
set_usage(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    static const size_t max = sizeof(((struct sockaddr_un *) 0)->sun_path) - 1;
    static ngx_str_t scheme = ngx_string("unix:/");
    ngx_http_postern_main_conf_t *mcf = conf;
    ngx_str_t *value = cf->args->elts;
    ngx_str_t path = value[1];

    (void) cmd;
    if (mcf->usage.data != NULL) {
        return "is duplicate";
    }
    if (path.len <= scheme.len || path.len - scheme.len >= max
        || ngx_strncmp(path.data, scheme.data, scheme.len) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_usage\" takes \"unix:\" and an absolute "
                           "path of at most %uz bytes, not \"%V\"",
                           max, &path);
        return NGX_CONF_ERROR;
    }
    mcf->usage.data = path.data + scheme.len - 1;
    mcf->usage.len = path.len - scheme.len + 1;
    return NGX_CONF_OK;
}

/* postern_failures off | LIMIT WINDOW */
static char *
set_failures(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_main_conf_t *mcf = conf;
    ngx_str_t *value = cf->args->elts;
    ngx_int_t limit, window;

    (void) cmd;
    if (mcf->failure_limit != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }
    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        mcf->failure_limit = 0;
        return NGX_CONF_OK;
    }
    limit = ngx_atoi(value[1].data, value[1].len);
    window =
        cf->args->nelts == 3 ? ngx_parse_time(&value[2], 1) : DEFAULT_WINDOW_S;
    if (limit < 1 || limit > FAILURES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_failures\" takes off, or a number from 1 "
                           "to %d, not \"%V\"",
                           FAILURES_MAX, &value[1]);
        return NGX_CONF_ERROR;
    }
    if (window < 1 || window > WINDOW_MAX_S) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_failures\" takes a time from 1s to %ds, "
                           "not \"%V\"",
                           WINDOW_MAX_S, &value[2]);
        return NGX_CONF_ERROR;
    }
    mcf->failure_limit = (ngx_uint_t) limit;
    mcf->failure_window = (ngx_uint_t) window;
    return NGX_CONF_OK;
}

static char *
set_secure(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_loc_conf_t *lcf = conf;
    ngx_str_t *value = cf->args->elts;
    ngx_str_t name = value[1];

    (void) cmd;
    if (lcf->secure != NGX_CONF_UNSET) {
        return "is duplicate";
    }
    if (name.len < 2 || name.data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"postern_secure\" takes a variable such as "
                           "$https, not \"%V\"",
                           &name);
        return NGX_CONF_ERROR;
    }
    name.data++;
    name.len--;
    lcf->secure = ngx_http_get_variable_index(cf, &name);
    return lcf->secure == NGX_ERROR ? NGX_CONF_ERROR : NGX_CONF_OK;
}

static char *
add_names(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_postern_main_conf_t *mcf = conf;
    ngx_str_t *value = cf->args->elts;

    (void) cmd;
    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        ngx_int_t rc =
            ngx_http_postern_names_add(cf, &mcf->identity, &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"postern_identity_headers\" takes names of "
                               "headers that HTTP and nginx give no meaning "
                               "to, not \"%V\"",
                               &value[i]);
        }
        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }
    return NGX_CONF_OK;
}

static void *
create_main_conf(ngx_conf_t *cf)
{
    ngx_http_postern_main_conf_t *mcf = ngx_pcalloc(cf->pool, sizeof(*mcf));
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, 0);

    if (mcf == NULL || cleanup == NULL
        || ngx_http_postern_names_init(cf, &mcf->identity) != NGX_OK)
    {
        return NULL;
    }
    cleanup->handler = ngx_http_postern_gate_free;
    cleanup->data = mcf;
    mcf->failure_limit = NGX_CONF_UNSET_UINT;
    mcf->failure_window = DEFAULT_WINDOW_S;
    /* Until an index was read; afterwards what it says. */
    mcf->prefixes.item[0] = PN_STR(PN_TOKEN_PREFIX_DEFAULT);
    mcf->prefixes.count = 1;
    return mcf;
}

static char *
init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_postern_main_conf_t *mcf = conf;

    (void) cf;
    ngx_conf_init_uint_value(mcf->failure_limit, DEFAULT_FAILURES);
    return NGX_CONF_OK;
}

static void *
create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_postern_srv_conf_t));
}

static char *
merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_postern_srv_conf_t *prev = parent, *conf = child;
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_conf_get_module_main_conf(cf, ngx_http_postern_module);

    conf->used |= prev->used;
    if (conf->used && mcf->zone == NULL) {
        return ngx_http_postern_zone_add(cf, mcf) == NGX_OK ? NGX_CONF_OK
                                                            : NGX_CONF_ERROR;
    }
    return NGX_CONF_OK;
}

static void *
create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_postern_loc_conf_t *lcf = ngx_pcalloc(cf->pool, sizeof(*lcf));

    if (lcf == NULL) {
        return NULL;
    }
    lcf->mode = NGX_CONF_UNSET_UINT;
    lcf->secure = NGX_CONF_UNSET;
    return lcf;
}

static char *
merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_postern_loc_conf_t *prev = parent, *conf = child;
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_conf_get_module_main_conf(cf, ngx_http_postern_module);

    if (conf->mode == NGX_CONF_UNSET_UINT) {
        conf->file = prev->file;
        conf->line = prev->line;
    }
    ngx_conf_merge_uint_value(conf->mode, prev->mode, NGX_HTTP_POSTERN_OFF);
    ngx_conf_merge_str_value(conf->app, prev->app, "");
    ngx_conf_merge_value(conf->secure, prev->secure, NGX_DECLINED);
    if (conf->mode == NGX_HTTP_POSTERN_OFF) {
        return NGX_CONF_OK;
    }
    if (conf->app.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"postern\" is on, but \"postern_app\" names no app "
                      "there, in %V:%ui",
                      &conf->file, conf->line);
        return NGX_CONF_ERROR;
    }
    if (mcf->index.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"postern\" is on, but \"postern_index\" is not set in "
                      "the http block, in %V:%ui",
                      &conf->file, conf->line);
        return NGX_CONF_ERROR;
    }
    conf->shape = ngx_pcalloc(cf->pool, sizeof(*conf->shape));
    return conf->shape != NULL ? NGX_CONF_OK : NGX_CONF_ERROR;
}

enum place { FIRST, LAST };

/* nginx runs the handlers of a phase from the end of the array to its
 * beginning; those of the log phase the other way round. */
static ngx_int_t
add_handler(ngx_conf_t *cf, ngx_http_phases phase, ngx_http_handler_pt handler,
            enum place place)
{
    ngx_http_core_main_conf_t *cmcf =
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_array_t *handlers = &cmcf->phases[phase].handlers;
    ngx_http_handler_pt *h = ngx_array_push(handlers);
    ngx_uint_t at_end = (place == FIRST) == (phase != NGX_HTTP_LOG_PHASE);

    if (h == NULL) {
        return NGX_ERROR;
    }
    if (!at_end) {
        ngx_http_handler_pt *first = handlers->elts;

        ngx_memmove(first + 1, first, (size_t) (h - first) * sizeof(*h));
        h = first;
    }
    *h = handler;
    return NGX_OK;
}

static ngx_int_t
postconfiguration(ngx_conf_t *cf)
{
    static const struct {
        ngx_http_phases phase;
        ngx_http_handler_pt handler;
        enum place place;
    } steps[] = {
        {NGX_HTTP_POST_READ_PHASE, ngx_http_postern_post_read_handler, FIRST},
        {NGX_HTTP_SERVER_REWRITE_PHASE, ngx_http_postern_late_handler, FIRST},
        {NGX_HTTP_REWRITE_PHASE, ngx_http_postern_late_handler, FIRST},
        {NGX_HTTP_PREACCESS_PHASE, ngx_http_postern_preaccess_handler, LAST},
        {NGX_HTTP_ACCESS_PHASE, ngx_http_postern_access_handler, FIRST},
        {NGX_HTTP_PRECONTENT_PHASE, ngx_http_postern_precontent_handler, FIRST},
        {NGX_HTTP_LOG_PHASE, ngx_http_postern_late_handler, FIRST},
    };
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_conf_get_module_main_conf(cf, ngx_http_postern_module);

    if (mcf->zone == NULL) {
        return NGX_OK; /* nothing is on */
    }
    for (size_t i = 0; i < PN_LEN(steps); i++) {
        if (add_handler(cf, steps[i].phase, steps[i].handler, steps[i].place)
            != NGX_OK) {
            return NGX_ERROR;
        }
    }
    ngx_http_postern_filter_init();
    return NGX_OK;
}

static ngx_http_module_t context = {
    .preconfiguration = ngx_http_postern_add_variables,
    .postconfiguration = postconfiguration,
    .create_main_conf = create_main_conf,
    .init_main_conf = init_main_conf,
    .create_srv_conf = create_srv_conf,
    .merge_srv_conf = merge_srv_conf,
    .create_loc_conf = create_loc_conf,
    .merge_loc_conf = merge_loc_conf,
};

ngx_module_t ngx_http_postern_module = {
    NGX_MODULE_V1,
    .ctx = &context,
    .commands = commands,
    .type = NGX_HTTP_MODULE,
    .exit_process = ngx_http_postern_usage_exit,
};
