/* SPDX-License-Identifier: BSD-3-Clause */
/* Where daemon, programs, sample, service unit and manuals expect things unless told otherwise: the one place that says so. Programs include
 * it, the others are held to it by tests/consistency.py. What lies in /etc here is installed to the configured sysconfdir. */
#pragma once

#define PATH_CONTROL_SOCKET "/run/coyod/control.sock" /* for coyoctl */
#define PATH_APP_SOCKET     "/run/coyod/app.sock"     /* for applications */
#define PATH_CONF           "/etc/coyod/coyod.conf"   /* the service unit's */
#define PATH_KEY            "/etc/coyod/key"
#define PATH_NAMES          "/etc/coyod/names" /* the sample's file of more names */
#define PATH_STATE          "/var/lib/coyod"
