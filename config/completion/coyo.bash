# SPDX-License-Identifier: BSD-3-Clause
# Completion of coyo in bash. Verbs and options are those of `coyo --help`, so that this file knows of none.

# _coyo_help VERB: what the help on standard input says of it; without VERB, the verbs.
_coyo_help() {
	awk -v verb="$1" '
		/^  coyo / { on = $2 == verb; if (verb == "") print $2 }
		/^$/ { on = 0 }
		on'
}

# _coyo_options: the options in a text, one in a line.
_coyo_options() {
	grep -oE -- '(^|[^a-zA-Z-])--?[a-z][a-z-]*' | grep -oE -- '--?[a-z][a-z-]*' | sort -u
}

_coyo_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

_coyo() {
	local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' i help options
	COMPREPLY=()
	help=$("${COMP_WORDS[0]}" --help 2>/dev/null) || return 0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s) ((i++)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	if [ -z "$verb" ]; then
		if [ "$before" = -s ]; then
			_coyo_files "$cur"
		else
			mapfile -t COMPREPLY < <(compgen -W "$(_coyo_help '' <<<"$help") -s --help --version" -- "$cur")
		fi
		return 0
	fi
	# Behind `--` stands a command, and then what it takes.
	for ((i++; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		if ((i + 1 == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			_coyo_files "$cur"
		fi
		return 0
	done
	if [[ $cur == -* ]]; then
		options=$(_coyo_help "$verb" <<<"$help" | _coyo_options)
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [ "$before" = -o ] || _coyo_help "$verb" <<<"$help" | grep -qE 'coyo [a-z]+ +(\[[^]]*\] +)*FILE'; then
		_coyo_files "$cur"
	fi
}

complete -F _coyo coyo
