/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for functions of nginx that the module calls; the names are the
 * linker's (--wrap). */
#include "faults.h"

#include <ngx_config.h>

#include <ngx_core.h>
#include <ngx_http.h>

/* It takes the parameters for products. */
/* clang-format off */
/* NOLINTBEGIN(bugprone-reserved-identifier) */

FAULTS_WRAP(void *, ngx_palloc, (ngx_pool_t *pool, size_t size), (pool, size),
            NULL)
FAULTS_WRAP(void *, ngx_pnalloc, (ngx_pool_t *pool, size_t size), (pool, size),
            NULL)
FAULTS_WRAP(void *, ngx_pcalloc, (ngx_pool_t *pool, size_t size), (pool, size),
            NULL)
FAULTS_WRAP(ngx_pool_cleanup_t *, ngx_pool_cleanup_add,
            (ngx_pool_t *pool, size_t size), (pool, size), NULL)
FAULTS_WRAP(void *, ngx_array_push, (ngx_array_t *array), (array), NULL)
FAULTS_WRAP(void *, ngx_list_push, (ngx_list_t *list), (list), NULL)
FAULTS_WRAP(ngx_buf_t *, ngx_create_temp_buf, (ngx_pool_t *pool, size_t size),
            (pool, size), NULL)
FAULTS_WRAP(void *, ngx_slab_alloc, (ngx_slab_pool_t *pool, size_t size),
            (pool, size), NULL)
FAULTS_WRAP(void *, ngx_slab_calloc, (ngx_slab_pool_t *pool, size_t size),
            (pool, size), NULL)
FAULTS_WRAP(ngx_shm_zone_t *, ngx_shared_memory_add,
            (ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag),
            (cf, name, size, tag), NULL)
FAULTS_WRAP(ngx_http_variable_t *, ngx_http_add_variable,
            (ngx_conf_t *cf, ngx_str_t *name, ngx_uint_t flags),
            (cf, name, flags), NULL)
FAULTS_WRAP(ngx_int_t, ngx_http_get_variable_index,
            (ngx_conf_t *cf, ngx_str_t *name), (cf, name), NGX_ERROR)
FAULTS_WRAP(ngx_http_variable_value_t *, ngx_http_get_flushed_variable,
            (ngx_http_request_t *r, ngx_uint_t index), (r, index), NULL)
FAULTS_WRAP(ngx_http_variable_value_t *, ngx_http_get_variable,
            (ngx_http_request_t *r, ngx_str_t *name, ngx_uint_t key),
            (r, name, key), NULL)
FAULTS_WRAP(ngx_int_t, ngx_http_discard_request_body, (ngx_http_request_t *r),
            (r), NGX_HTTP_INTERNAL_SERVER_ERROR)
FAULTS_WRAP(ngx_int_t, ngx_http_send_header, (ngx_http_request_t *r), (r),
            NGX_ERROR)

/* NOLINTEND(bugprone-reserved-identifier) */
/* clang-format on */
