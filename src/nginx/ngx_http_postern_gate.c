/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of this worker process.  Requests are the first to touch it, so it
 * is never opened by the master, by "nginx -t" or by the cache processes, and
 * an index that is missing at start does not keep a worker from starting.
 */
#include "nginx/ngx_http_postern.h"

/* One line a second and worker: an unreadable index fails every request. */
void
ngx_http_postern_complain(ngx_http_request_t *r, const char *why,
                          ngx_str_t subject)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);

    if (mcf->complained_at == ngx_time()) {
        return;
    }
    mcf->complained_at = ngx_time();
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "postern: not ready: %s \"%V\"", why, &subject);
}

/* Copied, because they must outlive the index they came from. */
static void
keep_prefixes(ngx_http_postern_main_conf_t *mcf,
              const struct pn_prefixes *prefixes)
{
    ngx_uint_t n = 0;

    for (ngx_uint_t i = 0; i < prefixes->count; i++) {
        struct pn_str from = prefixes->item[i];

        if (from.len <= PN_TOKEN_PREFIX_MAX) {
            ngx_memcpy(mcf->prefix_text[n], from.ptr, from.len);
            mcf->prefixes.item[n] =
                (struct pn_str){mcf->prefix_text[n], from.len};
            n++;
        }
    }
    mcf->prefixes.count = (uint8_t) n;
}

struct pn_gate *
ngx_http_postern_gate_begin(ngx_http_request_t *r)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);

    if (mcf->gate == NULL
        && pn_gate_new((const char *) mcf->index.data, &mcf->gate) != PN_OK)
    {
        mcf->gate = NULL;
        ngx_http_postern_complain(r, "out of memory for the index", mcf->index);
        return NULL;
    }
    if (pn_gate_begin(mcf->gate, ngx_time()) != PN_OK) {
        ngx_http_postern_complain(r, pn_gate_why(mcf->gate), mcf->index);
        pn_gate_end(mcf->gate);
        return NULL;
    }
    if (mcf->compilation != pn_gate_compilation(mcf->gate)) {
        keep_prefixes(mcf, &pn_gate_policy(mcf->gate)->prefixes);
        mcf->compilation = pn_gate_compilation(mcf->gate);
    }
    return mcf->gate;
}

ngx_int_t
ngx_http_postern_gate_prefixes(ngx_http_request_t *r)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);

    if (mcf->gate != NULL && pn_gate_is_fresh(mcf->gate, ngx_time())) {
        return NGX_OK;
    }
    if (ngx_http_postern_gate_begin(r) == NULL) {
        return NGX_DECLINED;
    }
    ngx_http_postern_gate_end(r);
    return NGX_OK;
}

void
ngx_http_postern_gate_end(ngx_http_request_t *r)
{
    ngx_http_postern_main_conf_t *mcf =
        ngx_http_get_module_main_conf(r, ngx_http_postern_module);

    pn_gate_end(mcf->gate);
}

void
ngx_http_postern_gate_free(void *main_conf)
{
    ngx_http_postern_main_conf_t *mcf = main_conf;

    pn_gate_free(mcf->gate);
    mcf->gate = NULL;
}
