/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of failed attempts and of requests by token, shared by the workers
 * of this nginx and kept over a reload.  The zone's mutex is taken once, when
 * the tables are made; requests touch atomics only.
 */
#include "nginx/ngx_http_postern.h"

#include <sys/random.h>

enum { SLOTS = 1 << 16 };

typedef struct {
    struct pn_throttle *failures;
    struct pn_throttle *rates;
} tables_t;

static ngx_int_t
make_seed(uint32_t *out)
{
    return getrandom(out, sizeof(*out), 0) == sizeof(*out) ? NGX_OK : NGX_ERROR;
}

static ngx_int_t
make_tables(ngx_slab_pool_t *pool, tables_t *tables)
{
    uint32_t seed;

    tables->failures = ngx_slab_alloc(pool, pn_throttle_size(SLOTS));
    tables->rates = ngx_slab_alloc(pool, pn_throttle_size(SLOTS));
    if (tables->failures == NULL || tables->rates == NULL
        || make_seed(&seed) != NGX_OK)
    {
        return NGX_ERROR;
    }
    pn_throttle_init(tables->failures, SLOTS, seed, 0, 1);
    pn_throttle_init(tables->rates, SLOTS, seed, 0, 1);
    return NGX_OK;
}

/* data: the zone of the configuration before, when this is a reload. */
static ngx_int_t
zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_http_postern_main_conf_t *mcf = zone->data;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;
    tables_t *tables = pool->data;

    if (data == NULL && !zone->shm.exists) {
        tables = ngx_slab_calloc(pool, sizeof(*tables));
        if (tables == NULL || make_tables(pool, tables) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                          "postern: cannot make the table of counters");
            return NGX_ERROR;
        }
        pool->data = tables;
    }
    tables->failures->limit = (uint32_t) mcf->failure_limit;
    tables->failures->window_s = (uint32_t) mcf->failure_window;
    return NGX_OK;
}

ngx_int_t
ngx_http_postern_zone_add(ngx_conf_t *cf, ngx_http_postern_main_conf_t *mcf)
{
    ngx_str_t name = ngx_string("postern");
    size_t size = 2 * pn_throttle_size(SLOTS) + 32 * ngx_pagesize;

    mcf->zone =
        ngx_shared_memory_add(cf, &name, size, &ngx_http_postern_module);
    if (mcf->zone == NULL) {
        return NGX_ERROR;
    }
    mcf->zone->init = zone_init;
    mcf->zone->data = mcf;
    return NGX_OK;
}

void
ngx_http_postern_zone_counters(ngx_http_postern_main_conf_t *mcf,
                               struct pn_counters *out)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) mcf->zone->shm.addr;
    tables_t *tables = pool->data;

    out->failures = mcf->failure_limit > 0 ? tables->failures : NULL;
    out->rates = tables->rates;
}
