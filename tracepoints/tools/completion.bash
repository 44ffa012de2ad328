# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Completion of resmgr-trace for bash; for zsh, after: autoload bashcompinit && bashcompinit

_resmgr_trace() {
	local word=${COMP_WORDS[COMP_CWORD]} before='' command=${COMP_WORDS[1]:-} done=''
	local commands='record live show order check stat diff export'
	local options='--owner --driver --class --pid --from --to --instance --color --help --version'
	[ "$COMP_CWORD" -eq 0 ] || before=${COMP_WORDS[COMP_CWORD - 1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
		return
	fi
	case $before in
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'always never auto' -- "$word")
		return;;
	--class)
		mapfile -t COMPREPLY < <(compgen -W 'devm cdevm cdevm-nodes cdevm-kicks cdevm-stops drmm' -- "$word")
		return;;
	--rules)
		# The last of a list.
		[ "$word" = "${word%,*}" ] || done=${word%,*},
		mapfile -t COMPREPLY < <(compgen -P "$done" -W \
			'order leak irq late-call unpublish devm-mem slow lost' -- "${word##*,}")
		return;;
	-i|--instance)
		mapfile -t COMPREPLY < <(cd /sys/kernel/tracing/instances 2>/dev/null && compgen -d -- "$word")
		return;;
	-u|--unbind)
		# BUS/DEVICE, of those that have a driver
		mapfile -t COMPREPLY < <(cd /sys/bus 2>/dev/null && for f in */devices/*/driver; do
			[ -e "$f" ] && f=${f%/driver} && echo "${f%%/devices/*}/${f#*/devices/}"
		done | { mapfile -t all; compgen -W "${all[*]}" -- "$word"; })
		return;;
	-O|--owner|--driver|--pid|--from|--to|--slow|--top|-s|--settle|-b|--buffer)
		return;;
	esac
	case $word in
	-*)
		case $command in
		record) options='--output --unbind --settle --buffer --help';;
		order) options="$options --reverse";;
		live) options='--owner --buffer --color --help';;
		check) options="$options --rules --slow --strict --suppress --json --ktap --junit";;
		stat) options="$options --top";;
		export) options="$options --output --svg --json --to-scale";;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word");;
	*)
		mapfile -t COMPREPLY < <(compgen -f -- "$word");;
	esac
}
complete -o filenames -F _resmgr_trace resmgr-trace
