/**
 * What Go's libraries make of templates: sprig, yaml.v2, toml, mergo and spew, in UTC. Each row is a template and its output,
 * or its error.
 */
export const recorded: readonly (readonly [template: string, answer: string])[] = [
  [
    '{{sprig_snakecase "HTTPServer2xx Foo-bar__Baz"}} {{sprig_snakecase "Duration2m3s"}} {{sprig_snakecase "Bld4Floor3rd"}} {{sprig_snakecase "HTTP20xOK"}} {{sprig_kebabcase "GO PATH x.y,Z"}} {{sprig_snakecase "aB1"}} {{sprig_snakecase "http2"}} {{sprig_snakecase "_a__B_"}} {{sprig_snakecase "Éa1b2C3"}}',
    'http_server_2xx_foo_bar__baz duration_2m3s bld4_floor_3rd http_20x_ok go-path-x.y,z a_b1 http2 _a__b_ éa_1b2_c3',
  ],
  [
    '{{sprig_camelcase "_complex__case_"}} {{sprig_camelcase "no_https some words"}} {{sprig_camelcase "a"}} {{sprig_camelcase "__"}} {{sprig_camelcase "Foo BAR-baz"}} {{sprig_camelcase ""}}',
    '_Complex_Case_ NoHttpsSomeWords A ___ FooBarBaz ',
  ],
  [
    '{{sprig_title "o\'neil foo-bar a_b é"}} {{sprig_untitle "Foo BAR"}} {{sprig_swapcase "Hello wORLD x"}} {{sprig_initials "First try é x"}} {{sprig_nospace "a é b"}} {{sprig_nospace "é"}}',
    "O'Neil Foo-Bar A_b É foo bAR hELLO World X FtÃx aÃ©b é",
  ],
  [
    '{{sprig_wrap 10 "the quick brown fox jumps  over"}}|{{sprig_wrapWith 5 "--" "abcdefghijk lm no"}}|{{sprig_wrap 3 "abcdefgh ij"}}|{{sprig_wrapWith 3 "" "abcdefgh"}}',
    'the quick\nbrown fox\njumps \nover|abcde--fghij--k lm--no|abcdefgh\nij|abc\ndef\ngh',
  ],
  [
    '{{sprig_abbrev 5 "hello world"}} {{sprig_abbrev 3 "hello"}} {{sprig_abbrevboth 5 10 "1234 5678 9123 4567"}} {{sprig_abbrevboth 2 7 "abcdefghijklmnop"}} {{sprig_abbrevboth 12 8 "abcdefghijklmnop"}}',
    'he... hello ...5678... abcd... ...lmnop',
  ],
  [
    '{{sprig_substr 2 1 "abc"}}',
    'execute: template: :1:2: executing "" at <sprig_substr 2 1 "abc">: error calling sprig_substr: runtime error: slice bounds out of range [2:1]',
  ],
  [
    '{{sprig_substr -1 9 "abc"}}',
    'execute: template: :1:2: executing "" at <sprig_substr -1 9 "abc">: error calling sprig_substr: runtime error: slice bounds out of range [:9] with length 3',
  ],
  [
    '{{sprig_substr 5 9 "abc"}}',
    'execute: template: :1:2: executing "" at <sprig_substr 5 9 "abc">: error calling sprig_substr: runtime error: slice bounds out of range [5:3]',
  ],
  [
    '{{sprig_repeat -1 "a"}}',
    'execute: template: :1:2: executing "" at <sprig_repeat -1 "a">: error calling sprig_repeat: strings: negative Repeat count',
  ],
  [
    '{{sprig_cat "a" nil 1 1.5 true (sprig_list 1 2)}} {{sprig_quote "a\\"b" nil 1 (sprig_list "x")}} {{sprig_squote "a" 1 nil}} {{sprig_toString (sprig_dict "a" 1)}} {{sprig_toStrings (sprig_list 1 "a" nil 2.5)}} {{sprig_join "-" 5}} {{sprig_join "-" nil}}',
    'a 1 1.5 true [1 2] "a\\"b" "1" "[x]" \'a\' \'1\' map[a:1] [1 a 2.5] 5 ',
  ],
  [
    '{{sprig_split "," ""}} {{sprig_splitList "" "héy"}} {{sprig_splitn "," 0 "a,b"}} {{sprig_splitn "," -1 "a,b"}} {{sprig_splitn "" 2 "abc"}} {{sprig_replace "" "-" "ab"}}',
    'map[_0:] [h é y] map[] map[_0:a _1:b] map[_0:a _1:bc] -a-b-',
  ],
  [
    '{{sprig_first nil}}',
    'execute: template: :1:2: executing "" at <sprig_first nil>: error calling sprig_first: runtime error: invalid memory address or nil pointer dereference',
  ],
  [
    '{{sprig_first "x"}}',
    'execute: template: :1:2: executing "" at <sprig_first "x">: error calling sprig_first: Cannot find first on type string',
  ],
  [
    '{{sprig_append "x" 1}}',
    'execute: template: :1:2: executing "" at <sprig_append "x" 1>: error calling sprig_append: Cannot push on type string',
  ],
  [
    '{{sprig_chunk 2 "x"}}',
    'execute: template: :1:2: executing "" at <sprig_chunk 2 "x">: error calling sprig_chunk: Cannot chunk type string',
  ],
  [
    '{{sprig_concat "x"}}',
    'execute: template: :1:2: executing "" at <sprig_concat "x">: error calling sprig_concat: Cannot concat type string as list',
  ],
  [
    '{{sprig_concat}}|{{sprig_first (sprig_list)}}|{{sprig_rest (sprig_list)}}|{{sprig_initial (sprig_list 1)}}|{{sprig_chunk 3 (sprig_list)}}|{{sprig_slice (sprig_list 1 2 3) 1 2}}|{{sprig_slice (sprig_list) 1}}',
    '[]|<no value>|[]|[]|[]|[2]|<no value>',
  ],
  [
    '{{sprig_slice (sprig_list 1 2 3) 2 1}}',
    'execute: template: :1:2: executing "" at <sprig_slice (sprig_list 1 2 3) 2 1>: error calling sprig_slice: reflect.Value.Slice: slice index out of bounds',
  ],
  [
    '{{sprig_slice (sprig_list 1 2 3) 0 9}}',
    'execute: template: :1:2: executing "" at <sprig_slice (sprig_list 1 2 3) 0 9>: error calling sprig_slice: reflect.Value.Slice: slice index out of bounds',
  ],
  [
    '{{sprig_slice "abc" 1}}',
    'execute: template: :1:2: executing "" at <sprig_slice "abc" 1>: error calling sprig_slice: list should be type of slice or array but string',
  ],
  [
    '{{sprig_has nil nil}} {{sprig_has 1.0 (sprig_list 1)}} {{sprig_has (sprig_list 1) (sprig_list (sprig_list 1))}} {{sprig_without (sprig_list 1 2 2.0 "a") 2 "a"}} {{sprig_uniq (sprig_list 1 1.0 "1" nil nil)}} {{sprig_compact (sprig_list 0 nil "" false (sprig_list) (sprig_dict) 1)}}',
    'false false true [1 2] [1 1 1 <nil>] [1]',
  ],
  [
    '{{sprig_has 1 "x"}}',
    'execute: template: :1:2: executing "" at <sprig_has 1 "x">: error calling sprig_has: Cannot find has on type string',
  ],
  [
    '{{sprig_sortAlpha (sprig_list 3 "b" "B" 10)}} {{sprig_sortAlpha "x"}} {{sprig_reverse (sprig_splitList "," "a,b")}} {{printf "%T" (sprig_reverse (sprig_splitList "," "a,b"))}} {{printf "%T %T" (sprig_until 2) (sprig_slice (sprig_until 5) 2)}}',
    '[10 3 B b] [x] [b a] []interface {} []int []int',
  ],
  [
    '{{sprig_until -3}} {{sprig_untilStep 0 5 0}} {{sprig_untilStep 5 0 -2}} {{sprig_seq}}|{{sprig_seq 5}}|{{sprig_seq -2}}|{{sprig_seq 0 2 10}}|{{sprig_seq 0 -2 -5}}|{{sprig_seq 5 1 0}}|{{sprig_seq 1 2 3 4}}|{{sprig_seq 2 2}}|{{sprig_seq 0}}|{{sprig_seq 3 1}}',
    '[0 -1 -2] [] [5 3 1] |1 2 3 4 5|1 0 -1 -2|0 2 4 6 8 10|0 -2 -4|||2|1 0|3 2 1',
  ],
  [
    '{{sprig_add "1" 2.9 true nil "x" "0x10" "010"}} {{sprig_sub 1 5}} {{sprig_div 7 -2}} {{sprig_mod -7 3}} {{sprig_mul 3}} {{sprig_max 1 "7" 3.9}} {{sprig_min 4 2.5}} {{sprig_int64 "5.0"}} {{sprig_int "9999999999999999999"}} {{sprig_int 1e30}} {{sprig_float64 "1e3"}} {{sprig_atoi "12a"}} {{sprig_atoi "-99999999999999999999"}} {{sprig_toDecimal "777"}} {{sprig_toDecimal 644}} {{sprig_toDecimal "9"}}',
    '28 -4 -3 -1 3 7 2 5 0 -9223372036854775808 1000 0 -9223372036854775808 511 420 0',
  ],
  [
    '{{sprig_div 1 0}}',
    'execute: template: :1:2: executing "" at <sprig_div 1 0>: error calling sprig_div: runtime error: integer divide by zero',
  ],
  [
    '{{sprig_mod 1 0}}',
    'execute: template: :1:2: executing "" at <sprig_mod 1 0>: error calling sprig_mod: runtime error: integer divide by zero',
  ],
  [
    '{{sprig_addf 0.1 0.2}} {{sprig_subf 1 0.9}} {{sprig_mulf 1.1 1.1}} {{sprig_divf 10 3}} {{sprig_divf 2 3}} {{sprig_divf -2 3}} {{sprig_add1f 1.5}} {{sprig_addf}} {{sprig_maxf 1 2.5}} {{sprig_minf 1 -2.5}} {{sprig_floor -1.5}} {{sprig_ceil "1.2"}} {{sprig_round 3.14159 3}} {{sprig_round -2.5 0}} {{sprig_round 2.5 0 0.6}} {{sprig_round 123.456 -1}}',
    '0.3 0.1 1.21 3.3333333333333335 0.6666666666666667 -0.6666666666666667 2.5 0 2.5 -2.5 -2 2 3.142 -3 2 120',
  ],
  [
    '{{sprig_divf 1 0}}',
    'execute: template: :1:2: executing "" at <sprig_divf 1 0>: error calling sprig_divf: decimal division by 0',
  ],
  [
    '{{sprig_default "d" nil}} {{sprig_default "d"}} {{sprig_default "d" (sprig_list)}} {{sprig_default "d" false}} {{sprig_default "d" 0.0}} {{sprig_coalesce}} {{sprig_coalesce nil 0}} {{sprig_all}} {{sprig_any}} {{sprig_empty (sprig_dict)}} {{sprig_ternary 1 2 false}}',
    'd d d d d <no value> <no value> true false true 2',
  ],
  [
    '{{sprig_fromJson "{"}} {{sprig_toJson (sprig_dict "b" (sprig_list 1 nil) "a" "é<")}} {{sprig_toRawJson "<"}} {{sprig_toPrettyJson (sprig_list)}}',
    '<no value> {"a":"é\\u003c","b":[1,null]} "<" []',
  ],
  [
    '{{sprig_mustFromJson "{"}}',
    'execute: template: :1:2: executing "" at <sprig_mustFromJson "{">: error calling sprig_mustFromJson: unexpected end of JSON input',
  ],
  [
    '{{sprig_typeOf nil}} {{sprig_kindOf nil}} {{sprig_typeOf (sprig_list)}} {{sprig_kindOf (sprig_dict)}} {{sprig_typeIsLike "semver.Version" (sprig_semver "1.2.3")}} {{sprig_kindOf (sprig_semver "1.2.3")}} {{sprig_typeOf (sprig_semver "1")}} {{sprig_kindOf 1.5}} {{sprig_kindOf true}} {{sprig_deepEqual (sprig_dict "a" (sprig_list 1)) (sprig_dict "a" (sprig_list 1))}} {{sprig_deepEqual 1 1.0}}',
    '<nil> invalid []interface {} map true ptr *semver.Version float64 bool true false',
  ],
  [
    '{{sprig_semver "v1.2.3-rc.1+b5"}} {{(sprig_semver "1.2.3-rc.1+b5").Prerelease}} {{(sprig_semver "1.2").IncMinor}} {{(sprig_semver "v1.2.3").Original}} {{(sprig_semver "1.2.3-a").IncPatch}}',
    '1.2.3-rc.1+b5 rc.1 1.3.0 v1.2.3 1.2.3',
  ],
  [
    '{{range $c := sprig_list "^1.2.3" "~1.2" "1.x" ">1" ">1.2" "<=1.2" "!=1.2" "!=1.2.3" ">=1.0, <2" "1.2 - 1.4" "*" "^0.2" "^0.0.3" "~0" "=1.2.3" ">=1.2.3-0" "<1 || >1.1" "1.2.3 1.2.4"}}{{$c}}:{{range $v := sprig_list "1.2.3" "1.2.4" "1.3.0" "2.0.0" "0.2.1" "0.0.3" "1.2.3-beta" "1.4.0"}}{{if sprig_semverCompare $c $v}}{{$v}} {{end}}{{end}};{{end}}',
    '^1.2.3:1.2.3 1.2.4 1.3.0 1.4.0 ;~1.2:1.2.3 1.2.4 ;1.x:1.2.3 1.2.4 1.3.0 1.4.0 ;>1:2.0.0 ;>1.2:1.3.0 2.0.0 1.4.0 ;<=1.2:1.2.3 1.2.4 0.2.1 0.0.3 ;!=1.2:1.3.0 2.0.0 0.2.1 0.0.3 1.4.0 ;!=1.2.3:1.2.4 1.3.0 2.0.0 0.2.1 0.0.3 1.2.3-beta 1.4.0 ;>=1.0, <2:1.2.3 1.2.4 1.3.0 1.4.0 ;1.2 - 1.4:1.2.3 1.2.4 1.3.0 1.4.0 ;*:1.2.3 1.2.4 1.3.0 2.0.0 0.2.1 0.0.3 1.4.0 ;^0.2:0.2.1 ;^0.0.3:0.0.3 ;~0:0.2.1 0.0.3 ;=1.2.3:1.2.3 ;>=1.2.3-0:1.2.3 1.2.4 1.3.0 2.0.0 1.2.3-beta 1.4.0 ;<1 || >1.1:1.2.3 1.2.4 1.3.0 2.0.0 0.2.1 0.0.3 1.4.0 ;1.2.3 1.2.4:;',
  ],
  [
    '{{sprig_get (sprig_dict "a" nil) "a"}} {{sprig_dict "a"}} {{sprig_dict 1 2 nil 3}} {{sprig_dig "a" "b" "d" (sprig_dict "a" (sprig_dict))}} {{sprig_pluck "a" (sprig_dict "a" 1) (sprig_dict) (sprig_dict "a" nil)}} {{sprig_keys (sprig_dict "a" 1)}} {{sprig_values (sprig_dict "a" 1)}} {{sprig_omit (sprig_dict "a" 1 "b" 2) "a" "c"}} {{sprig_deepCopy (sprig_dict "a" (sprig_list 1))}}',
    '<no value> map[a:] map[1:2 <nil>:3] d [1 <nil>] [a] [1] map[b:2] map[a:[1]]',
  ],
  [
    '{{sprig_dig "a" "d" 5}}',
    'execute: template: :1:2: executing "" at <sprig_dig "a" "d" 5>: error calling sprig_dig: interface conversion: interface {} is int, not map[string]interface {}',
  ],
  [
    '{{sprig_dig "a" (sprig_dict)}}',
    'execute: template: :1:2: executing "" at <sprig_dig "a" (sprig_dict)>: error calling sprig_dig: dig needs at least three arguments',
  ],
  [
    '{{sprig_dig "a" "b" "d" (sprig_dict "a" 1)}}',
    'execute: template: :1:2: executing "" at <sprig_dig "a" "b" "d" (sprig_dict "a" 1)>: error calling sprig_dig: interface conversion: interface {} is int, not map[string]interface {}',
  ],
  [
    '{{sprig_base ""}} {{sprig_base "/"}} {{sprig_base "a/b/"}} {{sprig_dir ""}} {{sprig_dir "/a"}} {{sprig_dir "a/b/../c"}} {{sprig_dir "a"}} {{sprig_clean "a/../../b/./c//"}} {{sprig_clean ""}} {{sprig_clean "/../a"}} {{sprig_ext "a.b/c"}}|{{sprig_ext "x.tar.gz"}} {{sprig_isAbs "a"}} {{sprig_osBase "/x/y"}}',
    '. / b . / a . ../b/c . /a |.gz false y',
  ],
  [
    '{{sprig_urlParse "http://user:pa%20ss@Host.com:80/a%20b/c?x=1&y#frag%20x"}} {{sprig_urlJoin (sprig_urlParse "http://user:pa%20ss@Host.com:80/a%20b/c?x=1&y#frag x")}}',
    'map[fragment:frag x host:Host.com:80 hostname:Host.com opaque: path:/a b/c query:x=1&y scheme:http userinfo:user:pa%20ss] http://user:pa%20ss@Host.com:80/a%20b/c?x=1&y#frag%20x',
  ],
  [
    '{{sprig_urlParse "mailto:a@b"}} {{sprig_urlParse "//host/x"}} {{sprig_urlParse "/rel?q"}} {{sprig_urlParse "http://[::1]:8080/x"}} {{sprig_urlParse "http://h"}} {{sprig_urlParse "http://h?"}}',
    'map[fragment: host: hostname: opaque:a@b path: query: scheme:mailto userinfo:] map[fragment: host:host hostname:host opaque: path:/x query: scheme: userinfo:] map[fragment: host: hostname: opaque: path:/rel query:q scheme: userinfo:] map[fragment: host:[::1]:8080 hostname:::1 opaque: path:/x query: scheme:http userinfo:] map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:] map[fragment: host:h hostname:h opaque: path: query: scheme:http userinfo:]',
  ],
  [
    '{{sprig_urlParse "http://h:x/"}}',
    'execute: template: :1:2: executing "" at <sprig_urlParse "http://h:x/">: error calling sprig_urlParse: unable to parse url: parse "http://h:x/": invalid port ":x" after host',
  ],
  [
    '{{sprig_urlParse "a:b:c"}} {{sprig_urlParse "http://h/%zz"}}',
    'execute: template: :1:29: executing "" at <sprig_urlParse "http://h/%zz">: error calling sprig_urlParse: unable to parse url: parse "http://h/%zz": invalid URL escape "%zz"',
  ],
  [
    '{{sprig_urlJoin (sprig_dict "scheme" "http" "host" "h" "path" "p q" "query" "a=b" "userinfo" "u:p" "fragment" "f/ä")}} {{sprig_urlJoin (sprig_dict "path" "a:b")}}',
    'http://u:p@h/p%20q?a=b#f/%C3%A4 ./a:b',
  ],
  [
    '{{sprig_urlJoin (sprig_dict "scheme" 1)}}',
    'execute: template: :1:2: executing "" at <sprig_urlJoin (sprig_dict "scheme" 1)>: error calling sprig_urlJoin: unable to parse scheme key, must be of type string, but int found',
  ],
  [
    '{{sprig_regexMatch "(" "x"}} {{sprig_regexFindAll "a*" "baac" -1}} {{sprig_regexFindAll "[0-9]" "1a2b3" 2}} {{sprig_regexFind "z" "abc"}}| {{sprig_regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}} {{sprig_regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}"}} {{sprig_regexSplit "z+" "pizza" -1}} {{sprig_regexSplit "" "abc" -1}} {{sprig_regexSplit "a" "banana" 2}} {{sprig_regexSplit "a" "" -1 | len}} {{sprig_regexQuoteMeta "1.2*3[x]"}} {{sprig_regexFindAll "" "aé\ud83d\ude00" -1 | len}}',
    'false [ aa ] [1 2] | -W-xxW- -${1}-${1}- [pi a] [a b c] [b nana] 1 1\\.2\\*3\\[x\\] 4',
  ],
  [
    '{{sprig_regexFind "(" "x"}}',
    'execute: template: :1:2: executing "" at <sprig_regexFind "(" "x">: error calling sprig_regexFind: regexp: Compile(`(`): error parsing regexp: missing closing ): `(`',
  ],
  [
    '{{sprig_mustRegexFind "(" "x"}}',
    'execute: template: :1:2: executing "" at <sprig_mustRegexFind "(" "x">: error calling sprig_mustRegexFind: error parsing regexp: missing closing ): `(`',
  ],
  [
    '{{sprig_regexFindAll "(`" "x" 1}}',
    'execute: template: :1:2: executing "" at <sprig_regexFindAll "(`" "x" 1>: error calling sprig_regexFindAll: regexp: Compile("(`"): error parsing regexp: missing closing ): `(``',
  ],
  [
    '{{sprig_b64dec "aGk"}} {{sprig_b64dec "a=="}} {{sprig_b64dec "aGk=x"}} {{sprig_b64dec "aG*k"}} {{sprig_b64dec "aG=k"}} {{sprig_b64dec "aGk="}} {{sprig_b32dec "NBUQ===="}} {{sprig_b32dec "NBUQ"}} {{sprig_b32dec "nbuq===="}} {{sprig_b32dec "NBUQ==="}} {{sprig_b32enc "hello"}} {{sprig_b32dec "NBUQ=A=="}}',
    'illegal base64 data at input byte 0 illegal base64 data at input byte 1 illegal base64 data at input byte 4 illegal base64 data at input byte 2 illegal base64 data at input byte 2 hi hi illegal base32 data at input byte 0 illegal base32 data at input byte 0 illegal base32 data at input byte 7 NBSWY3DP illegal base32 data at input byte 4',
  ],
  [
    '{{sprig_merge (sprig_dict "a" (sprig_dict "x" 0 "y" "") "l" (sprig_list)) (sprig_dict "a" (sprig_dict "x" 5 "y" "k" "z" 1) "l" (sprig_list 1) "n" nil)}}',
    'map[a:map[x:5 y:k z:1] l:[1]]',
  ],
  [
    '{{sprig_mergeOverwrite (sprig_dict "a" (sprig_dict "x" 1) "l" (sprig_list 1 2) "s" "v") (sprig_dict "a" (sprig_dict "x" 0 "z" 1) "l" (sprig_list 9) "s" "")}}',
    'map[a:map[x:0 z:1] l:[9] s:]',
  ],
  [
    '{{mergeMap (sprig_dict "a" "s" "b" 0) (sprig_dict "a" (sprig_dict "x" 1) "b" (sprig_list 1))}} {{mergeMap (sprig_dict "a" (sprig_dict "x" 1)) (sprig_dict "a" "s")}}',
    'map[a:s b:[1]] map[a:map[x:1]]',
  ],
  [
    '{{mergeMapWithOverride (sprig_dict "a" (sprig_dict "x" 1)) (sprig_dict "a" "s")}} {{mergeMapWithOverride (sprig_dict "a" (sprig_dict "x" 1)) (sprig_dict "a" nil)}}',
    'map[a:s] map[a:<nil>]',
  ],
  [
    '{{sprig_plural "a" "b" 1}} {{sprig_trimAll "xy" "yxaxy"}} {{sprig_indent 0 "a"}} {{sprig_hello}} {{sprig_set (sprig_dict) "a" nil}} {{sprig_trim "\\u00a0 a "}}',
    'a a a Hello! map[a:<nil>] a',
  ],
  [
    '{{sprig_derivePassword 1 "long" "password" "user" "example.com"}} {{sprig_derivePassword 2 "maximum" "password" "user" "example.com"}} {{sprig_derivePassword 1 "pin" "p" "u" "s"}} {{sprig_derivePassword 1 "basic" "p" "u" "s"}} {{sprig_derivePassword 1 "zz" "p" "u" "s"}}',
    'ZedaFaxcZaso9* O8-6Bwz1*I5XVPPq)@H! 2461 tGf1NEr0 cannot find password template zz',
  ],
  ['{{sprig_decryptAES "secretkey" "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ="}}', 'plaintext'],
  [
    '{{sprig_decryptAES "secretkey" "xx"}}',
    'execute: template: :1:2: executing "" at <sprig_decryptAES "secretkey" "xx">: error calling sprig_decryptAES: illegal base64 data at input byte 0',
  ],
  [
    '{{sprig_duration 65}}|{{sprig_duration "65"}}|{{sprig_duration (sprig_int64 3661)}}|{{sprig_durationRound "2h10m5s"}}|{{sprig_durationRound "-26h"}}|{{sprig_durationRound 5}}|{{sprig_durationRound "2400h"}}|{{sprig_durationRound "9000h"}}|{{sprig_durationRound "1s"}}|{{sprig_duration "x"}}',
    '0s|1m5s|1h1m1s|2h|1d|0s|3mo|1y|0s|0s',
  ],
  [
    '{{sprig_toDate "2006-01-02" "2017-12-31"}} {{sprig_toDate "2006-01-02" "x"}} {{sprig_toDate "2006-01-02T15:04:05Z07:00" "2020-02-29T10:11:12.345+02:00"}} {{sprig_toDate "Jan _2 2006 3:04PM MST" "Feb  9 2021 4:05PM UTC"}} {{sprig_toDate "2006-01-02 15:04:05 MST" "2020-01-01 00:00:00 CET"}} {{sprig_unixEpoch (sprig_toDate "2006-01-02" "2017-12-31")}} {{sprig_mustDateModify "-1.5h" (sprig_toDate "2006-01-02" "2017-12-31")}} {{(sprig_toDate "2006-01-02" "2017-12-31").Format "Mon Jan 2 2006 .000"}} {{(sprig_toDate "2006-01-02" "2017-12-31").Year}} {{(sprig_toDate "2006-01-02" "2017-12-31").Month}} {{(sprig_toDate "2006-01-02" "2017-12-31").Weekday}} {{(sprig_toDate "2006-01-02" "2017-12-31").YearDay}} {{sprig_typeOf (sprig_toDate "2006" "2017")}} {{sprig_kindOf (sprig_toDate "2006" "2017")}}',
    '2017-12-31 00:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC 2020-02-29 10:11:12.345 +0200 +0200 2021-02-09 16:05:00 +0000 UTC 2020-01-01 00:00:00 +0000 CET 1514678400 2017-12-30 22:30:00 +0000 UTC Sun Dec 31 2017 .000 2017 December Sunday 365 time.Time struct',
  ],
  [
    '{{sprig_mustToDate "2006-01-02" "2017-13-31"}}',
    'execute: template: :1:2: executing "" at <sprig_mustToDate "2006-01-02" "2017-13-31">: error calling sprig_mustToDate: parsing time "2017-13-31": month out of range',
  ],
  [
    '{{sprig_mustToDate "2006-01-02" "x"}}',
    'execute: template: :1:2: executing "" at <sprig_mustToDate "2006-01-02" "x">: error calling sprig_mustToDate: parsing time "x" as "2006-01-02": cannot parse "x" as "2006"',
  ],
  [
    '{{sprig_mustToDate "2006-01-02" "2017-02-30"}}',
    'execute: template: :1:2: executing "" at <sprig_mustToDate "2006-01-02" "2017-02-30">: error calling sprig_mustToDate: parsing time "2017-02-30": day out of range',
  ],
  [
    '{{sprig_mustToDate "2006-01-02" "2017-02-03x"}}',
    'execute: template: :1:2: executing "" at <sprig_mustToDate "2006-01-02" "2017-02-03x">: error calling sprig_mustToDate: parsing time "2017-02-03x": extra text: "x"',
  ],
  [
    '{{sprig_mustDateModify "x" (sprig_toDate "2006" "2017")}}',
    'execute: template: :1:2: executing "" at <sprig_mustDateModify "x" (sprig_toDate "2006" "2017")>: error calling sprig_mustDateModify: time: invalid duration "x"',
  ],
  [
    '{{toJSON (sprig_toDate "2006-01-02T15:04:05Z07:00" "2020-02-29T10:11:12.345+02:00")}} {{toYAML (sprig_dict "t" (sprig_toDate "2006" "2017"))}} {{toTOML (sprig_dict "t" (sprig_toDate "2006" "2017"))}}',
    '"2020-02-29T10:11:12.345+02:00" t: 2017-01-01T00:00:00Z t = 2017-01-01T00:00:00Z',
  ],
  [
    '{{sprig_buildCustomCert "x" "y"}}',
    'execute: template: :1:2: executing "" at <sprig_buildCustomCert "x" "y">: error calling sprig_buildCustomCert: unable to decode base64 certificate',
  ],
  [
    '{{sprig_buildCustomCert "eA==" "eA=="}}',
    'execute: template: :1:2: executing "" at <sprig_buildCustomCert "eA==" "eA==">: error calling sprig_buildCustomCert: unable to decode certificate',
  ],
  [
    '{{toYAML (sprig_dict "a10" 1 "a2" 2 "b" 3 "a" 4 "A" 5 "_x" 6 "1" 7 "10" 8 "é" 9 "a-b" 1 "a.b" 2 "a b" 3 "a01" 1 "a1" 2 "" 5)}}',
    '"": 5\n_x: 6\n"1": 7\n"10": 8\nA: 5\na: 4\na b: 3\na-b: 1\na.b: 2\na1: 2\na01: 1\na2: 2\na10: 1\nb: 3\né: 9',
  ],
  [
    '{{toYAML (parseYAML "1: a\\n2.5: b\\ntrue: c\\nnull: d\\nx: e\\n\'1\': f\\n-3: g\\n")}}',
    '-3: g\ntrue: c\n1: a\n2.5: b\nnull: d\n"1": f\nx: e',
  ],
  [
    '{{toYAML (sprig_list "a\\nb\\n" "a\\n" "\\n" "\\na" " a\\nb" "a \\nb" "a\\n b" "a\\n\\n" "a\\tb\\nc" "x\\u0085y" "a\\rb" "\\u2028" "é\\n\ud83d\ude00" "\ud83d\ude00" "\\ufeffx" "a\\u00a0b")}}',
    '- |\n  a\n  b\n- |\n  a\n- |2+\n\n- |2-\n\n  a\n- |2-\n   a\n  b\n- "a \\nb"\n- |-\n  a\n   b\n- |+\n  a\n\n- "a\\tb\\nc"\n- "x\\Ny"\n- "a\\rb"\n- \'\u2028\'\n- "é\\n\\U0001F600"\n- "\\U0001F600"\n- "\\uFEFF\\x78"\n- a\u00a0b',
  ],
  [
    '{{toYAML (sprig_list (sprig_list 1 2) (sprig_list) (sprig_dict) (sprig_dict "a" (sprig_list 1 (sprig_list 2))) (sprig_list (sprig_list (sprig_list 3))))}}',
    '- - 1\n  - 2\n- []\n- {}\n- a:\n  - 1\n  - - 2\n- - - - 3',
  ],
  [
    '{{toYAML (sprig_dict "l" (sprig_list (sprig_list 1 2) (sprig_dict "x" (sprig_list 1) "y" (sprig_dict "z" 1)))  "m" (sprig_dict "e" (sprig_dict) "n" nil))}}',
    'l:\n- - 1\n  - 2\n- x:\n  - 1\n  "y":\n    z: 1\nm:\n  e: {}\n  "n": null',
  ],
  [
    '{{toYAML (sprig_dict "a" "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890")}}',
    'a: abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz\n  ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890',
  ],
  [
    '{{toYAML (sprig_dict "a" " abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz  ABCDEFGHIJKLMNOPQRSTUVWXYZ it\'s 1234567890")}}',
    "a: ' abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz  ABCDEFGHIJKLMNOPQRSTUVWXYZ\n  it''s 1234567890'",
  ],
  [
    '{{toYAML (sprig_dict "a" "\\tabcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz   ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890")}}',
    'a: "\\tabcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz\n  \\  ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890"',
  ],
  [
    '{{toYAML (sprig_dict "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890" 1 "k\\nx" (sprig_list 1 2) "k2\\n" (sprig_dict "a" 1))}}',
    '? abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890 abcdefghijklmnopqrstuvwxyz\n  ABCDEFGHIJKLMNOPQRSTUVWXYZ 1234567890\n: 1\n? |-\n  k\n  x\n: - 1\n  - 2\n? |\n  k2\n: a: 1',
  ],
  [
    '{{toYAML (sprig_list "" "~" "null" "NULL" "yes" "No" "y" "on" "1_000" "0x1F" "0b11" "0o17" "017" "08" "1e3" "1.5" ".5" "." "-" "- a" "-a" "?" "? a" "?a" ":" ":a" "a:" "a: b" "a:b" "#a" "a#b" "a #b" "a # b" "%" "@a" "`x`" "\'q\'" "\\"q\\"" "!x" "&a" "*a" "|" ">" "[a" "]" "{a" "}" "," "a,b" "a]" "---" "--- a" "...x" "=" "<<" "1:30" "12:30:45" "2001-01-01" "2001-13-01" "2001-01-01 10:00:00" "2001-01-01T10:00:00Z" "2001-1-1" "+1" "+" "-.inf" ".NaN" "inf" "nan" "0x" "1__0" "_1" "1." "1.e5" "0.0.1" "10.0.0.1" "1,000" "a\\\\b" "a\\"b" "trailing " " leading" "a  b" "true false" "TRUE" "True" "tRue" "\\x00" "\\x07\\x1b" "99999999999999999999" "18446744073709551615" "-9223372036854775809")}}',
    '- ""\n- "~"\n- "null"\n- "NULL"\n- "yes"\n- "No"\n- "y"\n- "on"\n- "1_000"\n- "0x1F"\n- "0b11"\n- "0o17"\n- "017"\n- "08"\n- "1e3"\n- "1.5"\n- ".5"\n- .\n- \'-\'\n- \'- a\'\n- -a\n- \'?\'\n- \'? a\'\n- ?a\n- \':\'\n- :a\n- \'a:\'\n- \'a: b\'\n- a:b\n- \'#a\'\n- a#b\n- \'a #b\'\n- \'a # b\'\n- \'%\'\n- \'@a\'\n- \'`x`\'\n- \'\'\'q\'\'\'\n- \'"q"\'\n- \'!x\'\n- \'&a\'\n- \'*a\'\n- \'|\'\n- \'>\'\n- \'[a\'\n- \']\'\n- \'{a\'\n- \'}\'\n- \',\'\n- a,b\n- a]\n- \'---\'\n- \'--- a\'\n- \'...x\'\n- =\n- <<\n- "1:30"\n- "12:30:45"\n- "2001-01-01"\n- 2001-13-01\n- "2001-01-01 10:00:00"\n- "2001-01-01T10:00:00Z"\n- "2001-1-1"\n- "+1"\n- +\n- "-.inf"\n- ".NaN"\n- inf\n- nan\n- 0x\n- "1__0"\n- _1\n- "1."\n- "1.e5"\n- 0.0.1\n- 10.0.0.1\n- 1,000\n- a\\b\n- a"b\n- \'trailing \'\n- \' leading\'\n- a  b\n- true false\n- "TRUE"\n- "True"\n- tRue\n- "\\0"\n- "\\a\\e"\n- "99999999999999999999"\n- "18446744073709551615"\n- "-9223372036854775809"',
  ],
  [
    '{{toYAML (sprig_list 1 2.5 1e21 1e-7 1000000.0 -0.0 true nil 0.1 123456789.0)}}',
    '- 1\n- 2.5\n- 1e+21\n- 1e-07\n- 1e+06\n- -0\n- true\n- null\n- 0.1\n- 1.23456789e+08',
  ],
  [
    '{{toYAML nil}}|{{toYAML 5}}|{{toYAML "a\\nb"}}|{{toYAML (sprig_list)}}|{{toYAML (sprig_dict)}}|{{toYAML true}}|{{toYAML ""}}|{{toYAML " x"}}|{{toYAML "a\\n\\n"}}',
    'null|5||-\n  a\n  b|[]|{}|true|""|\' x\'||+\n  a',
  ],
  [
    '{{toYAML (sprig_b64dec "/w==")}} {{toYAML (sprig_dict "k" (sprig_b64dec "/wAB"))}}',
    '!!binary /w== k: !!binary /wAB',
  ],
  ['{{toYAML (sprig_semver "1.2.3")}}', '1.2.3'],
  ['{{printf "%#v" (parseYAML "a: 1\\nb: 2\\na: 3")}}', 'map[interface {}]interface {}{"a":3, "b":2}'],
  [
    '{{printf "%#v" (parseYAML "- 1\\n- 1.5\\n- 0x1F\\n- 017\\n- 08\\n- 0o17\\n- 0b11\\n- -0b11\\n- 1_000\\n- +5\\n- 1e3\\n- .5\\n- -.5\\n- .\\n- 1:30\\n- yes\\n- off\\n- y\\n- N\\n- ~\\n- null\\n- \'\'\\n- \'1\'\\n- \\"yes\\"\\n- 2001-01-01\\n- 2001-01-01T10:00:00Z\\n- .inf\\n- -.INF\\n- 99999999999999999999\\n- 18446744073709551615\\n- 9223372036854775807\\n- =\\n- <<\\n- 1.\\n- 0x1_F\\n- 1__0\\n- a b\\n- - x\\n- {a: 1, b}\\n- [1, [2]]\\n- 12e03\\n- 0.1.2\\n- \\n- Null\\n- tRue")}}',
    '[]interface {}{1, 1.5, 31, 15, 8, 15, 3, -3, 1000, 5, 1000, 0.5, -0.5, ".", "1:30", true, false, true, false, interface {}(nil), interface {}(nil), "", "1", "yes", "2001-01-01", "2001-01-01T10:00:00Z", +Inf, -Inf, 1e+20, 0xffffffffffffffff, 9223372036854775807, "=", "<<", 1, 31, 10, "a b", []interface {}{"x"}, map[interface {}]interface {}{"a":1, "b":interface {}(nil)}, []interface {}{1, []interface {}{2}}, 12000, "0.1.2", interface {}(nil), interface {}(nil), "tRue"}',
  ],
  [
    '{{printf "%#v" (parseYAML "a: &x {p: 1}\\nb: *x\\nc:\\n  <<: *x\\n  q: 2\\nd:\\n  p: 9\\n  <<: *x\\ne:\\n  <<: [{p: 5, r: 1}, {p: 6, s: 2}]\\n")}}',
    'map[interface {}]interface {}{"a":map[interface {}]interface {}{"p":1}, "b":map[interface {}]interface {}{"p":1}, "c":map[interface {}]interface {}{"p":1, "q":2}, "d":map[interface {}]interface {}{"p":1}, "e":map[interface {}]interface {}{"p":5, "r":1, "s":2}}',
  ],
  [
    '{{printf "%#v" (parseYAML "a: |\\n  x\\n  y\\nb: >\\n  x\\n  y\\n\\n  z\\nc: |-\\n  q\\nd: |+\\n  w\\n\\ne: \\"a\\\\tb\\\\u00e9\\\\\\n   c\\"\\nf: \'it\'\'s\\n  x\'\\ng: plain\\n  more\\n")}}',
    'map[interface {}]interface {}{"a":"x\\ny\\n", "b":"x y\\nz\\n", "c":"q", "d":"w\\n\\n", "e":"a\\tbéc", "f":"it\'s x", "g":"plain more"}',
  ],
  [
    '{{printf "%#v" (parseYAML "!!str 1")}} {{printf "%#v" (parseYAML "!!int 0x10")}} {{printf "%#v" (parseYAML "!!float 1")}} {{printf "%#v" (parseYAML "!!binary aGk=")}} {{printf "%#v" (parseYAML "!foo x")}} {{printf "%#v" (parseYAML "! 12")}} {{printf "%#v" (parseYAML "!!int \'5\'")}} {{printf "%#v" (parseYAML "!!bool yes")}}',
    '"1" 16 1 "hi" "x" "12" 5 true',
  ],
  [
    '{{printf "%#v" (parseYAML "# only comment\\n")}}|{{printf "%#v" (parseYAML "---\\na\\n---\\nb")}}|{{printf "%#v" (parseYAML "a")}}|{{printf "%#v" (parseYAML "? a\\n: b\\n")}}|{{printf "%#v" (parseYAML "? [a]\\n: b\\n" )}}',
    'execute: template: :1:185: executing "" at <parseYAML "? [a]\\n: b\\n">: error calling parseYAML: yaml: invalid map key: []interface {}{"a"}',
  ],
  [
    '{{parseYAML "!!int x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "!!int x">: error calling parseYAML: yaml: cannot decode !!str `x` as a !!int',
  ],
  [
    '{{parseYAML "!!float x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "!!float x">: error calling parseYAML: yaml: cannot decode !!str `x` as a !!float',
  ],
  [
    '{{parseYAML "a: b: c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: b: c">: error calling parseYAML: yaml: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "x: 1\\na: b: c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "x: 1\\na: b: c">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "{"}}',
    'execute: template: :1:2: executing "" at <parseYAML "{">: error calling parseYAML: yaml: line 1: did not find expected node content',
  ],
  [
    '{{parseYAML "[1, 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "[1, 2">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: *x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: *x">: error calling parseYAML: yaml: unknown anchor \'x\' referenced',
  ],
  [
    '{{parseYAML "x: 1\\na: *x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "x: 1\\na: *x">: error calling parseYAML: yaml: unknown anchor \'x\' referenced',
  ],
  [
    '{{parseYAML "a:\\n\\tb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a:\\n\\tb: 1">: error calling parseYAML: yaml: line 2: found character that cannot start any token',
  ],
  [
    '{{parseYAML "\\ta: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "\\ta: 1">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a: \\"x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \\"x">: error calling parseYAML: yaml: found unexpected end of stream',
  ],
  [
    '{{parseYAML "a: \'x\\nb: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \'x\\nb: 2">: error calling parseYAML: yaml: line 2: found unexpected end of stream',
  ],
  [
    '{{parseYAML "a: 1\\n b: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n b: 2">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "- a\\nb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "- a\\nb: 1">: error calling parseYAML: yaml: line 1: did not find expected \'-\' indicator',
  ],
  [
    '{{parseYAML "a: 1\\n- b"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n- b">: error calling parseYAML: yaml: line 1: did not find expected key',
  ],
  [
    '{{parseYAML "a: @x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: @x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a: `x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: `x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a: %x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: %x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a\\nb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a\\nb: 1">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "a: [1, 2]]"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: [1, 2]]">: error calling parseYAML: yaml: did not find expected key',
  ],
  [
    '{{parseYAML "a: }"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: }">: error calling parseYAML: yaml: did not find expected node content',
  ],
  [
    '{{parseYAML "a: \\"\\\\q\\""}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \\"\\\\q\\"">: error calling parseYAML: yaml: found unknown escape character',
  ],
  [
    '{{parseYAML "a: {b: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: {b: 1">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \'}\'',
  ],
  [
    '{{parseYAML "<<: 5"}}',
    'execute: template: :1:2: executing "" at <parseYAML "<<: 5">: error calling parseYAML: yaml: map merge requires map or sequence of maps as the value',
  ],
  [
    '{{parseYAML "a: !<x y"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: !<x y">: error calling parseYAML: yaml: did not find the expected \'>\'',
  ],
  [
    '{{parseYAML "{a: 1}: b"}}',
    'execute: template: :1:2: executing "" at <parseYAML "{a: 1}: b">: error calling parseYAML: yaml: invalid map key: map[interface {}]interface {}{"a":1}',
  ],
  [
    '{{parseYAML "a: &a [*a]"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: &a [*a]">: error calling parseYAML: yaml: anchor \'a\' value contains itself',
  ],
  [
    '{{parseYAML "a: 1\\n  b: 2\\nc: 3"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n  b: 2\\nc: 3">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "key: [a, b\\nother: c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "key: [a, b\\nother: c">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: b\\n  c"}} {{parseYAML "a : b"}} {{parseYAML "a: \'b\'c"}}',
    'execute: template: :1:50: executing "" at <parseYAML "a: \'b\'c">: error calling parseYAML: yaml: did not find expected key',
  ],
  [
    '{{parseYAML "%YAML 1.1\\n---\\na: 1"}} {{parseYAML "{a: b, c: d,}"}} {{parseYAML "[a, b, ]"}} {{parseYAML "{a, b: }"}} {{parseYAML "\\"a\\": 1"}} {{parseYAML "a:    # c\\n  b"}} {{parseYAML "a: b#c"}} {{parseYAML "a: \'x\' # c"}} {{parseYAML "-"}} {{parseYAML "- - - 1"}}',
    'map[a:1] map[a:b c:d] [a b] map[a:<nil> b:<nil>] map[a:1] map[a:b] map[a:b#c] map[a:x] [<nil>] [[[1]]]',
  ],
  [
    '{{parseYAML "a: | x\\n  y"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: | x\\n  y">: error calling parseYAML: yaml: did not find expected comment or line break',
  ],
  [
    '{{parseYAML "\'a\': b\\r\\nc: d\\r\\n"}} {{parseYAML "{\\"a\\":1,\\"b\\":[true,null]}"}} {{parseYAML "{\\"a\\":\\"b\\",\\"c\\":{\\"d\\":1.5e3}}"}}',
    'map[a:b c:d] map[a:1 b:[true <nil>]] map[a:b c:map[d:1500]]',
  ],
  [
    '{{parseYAML "{"}}',
    'execute: template: :1:2: executing "" at <parseYAML "{">: error calling parseYAML: yaml: line 1: did not find expected node content',
  ],
  [
    '{{parseYAML "[1, 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "[1, 2">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: \\"x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \\"x">: error calling parseYAML: yaml: found unexpected end of stream',
  ],
  [
    '{{parseYAML "a: \'x\\nb: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \'x\\nb: 2">: error calling parseYAML: yaml: line 2: found unexpected end of stream',
  ],
  [
    '{{parseYAML "a: 1\\n b: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n b: 2">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "- a\\nb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "- a\\nb: 1">: error calling parseYAML: yaml: line 1: did not find expected \'-\' indicator',
  ],
  [
    '{{parseYAML "a: 1\\n- b"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n- b">: error calling parseYAML: yaml: line 1: did not find expected key',
  ],
  [
    '{{parseYAML "a: @x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: @x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a: `x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: `x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a: %x"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: %x">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a\\nb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a\\nb: 1">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "a: [1, 2]]"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: [1, 2]]">: error calling parseYAML: yaml: did not find expected key',
  ],
  [
    '{{parseYAML "a: }"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: }">: error calling parseYAML: yaml: did not find expected node content',
  ],
  [
    '{{parseYAML "a: \\"\\\\q\\""}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \\"\\\\q\\"">: error calling parseYAML: yaml: found unknown escape character',
  ],
  [
    '{{parseYAML "a: {b: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: {b: 1">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \'}\'',
  ],
  [
    '{{parseYAML "a: !<x y"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: !<x y">: error calling parseYAML: yaml: did not find the expected \'>\'',
  ],
  [
    '{{parseYAML "a: 1\\n  b: 2\\nc: 3"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\n  b: 2\\nc: 3">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "key: [a, b\\nother: c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "key: [a, b\\nother: c">: error calling parseYAML: yaml: line 1: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: \'b\'c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \'b\'c">: error calling parseYAML: yaml: did not find expected key',
  ],
  [
    '{{parseYAML "a: | x\\n  y"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: | x\\n  y">: error calling parseYAML: yaml: did not find expected comment or line break',
  ],
  [
    '{{parseYAML "a: b: c"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: b: c">: error calling parseYAML: yaml: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "\\ta: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "\\ta: 1">: error calling parseYAML: yaml: found character that cannot start any token',
  ],
  [
    '{{parseYAML "a:\\n\\tb: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a:\\n\\tb: 1">: error calling parseYAML: yaml: line 2: found character that cannot start any token',
  ],
  [
    '{{parseYAML "x: 1\\ny: [1,\\nz: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "x: 1\\ny: [1,\\nz: 2">: error calling parseYAML: yaml: line 3: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: b\\n\\"c\\" d: 1"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: b\\n\\"c\\" d: 1">: error calling parseYAML: yaml: line 1: did not find expected key',
  ],
  [
    '{{parseYAML "a: 1\\nb\\nc: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\nb\\nc: 2">: error calling parseYAML: yaml: line 3: could not find expected \':\'',
  ],
  [
    '{{parseYAML "a: *"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: *">: error calling parseYAML: yaml: did not find expected alphabetic or numeric character',
  ],
  ['{{parseYAML "&a"}}', '<no value>'],
  [
    '{{parseYAML "a: &"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: &">: error calling parseYAML: yaml: did not find expected alphabetic or numeric character',
  ],
  [
    '{{parseYAML "? a\\n? b: c: d"}}',
    'execute: template: :1:2: executing "" at <parseYAML "? a\\n? b: c: d">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  ['{{parseYAML "{a: b}}"}}', 'map[a:b]'],
  [
    '{{parseYAML "a: ["}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: [">: error calling parseYAML: yaml: line 1: did not find expected node content',
  ],
  [
    "{{parseYAML \"a: 'x'\\n 'y': 1\"}}",
    'execute: template: :1:2: executing "" at <parseYAML "a: \'x\'\\n \'y\': 1">: error calling parseYAML: yaml: line 1: did not find expected key',
  ],
  ['{{parseYAML "--- a\\n...\\nb: c: d"}}', 'a'],
  [
    '{{parseYAML "a:\\n  - b\\n c: d"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a:\\n  - b\\n c: d">: error calling parseYAML: yaml: line 2: did not find expected key',
  ],
  [
    '{{parseYAML "a: -\\n- b"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: -\\n- b">: error calling parseYAML: yaml: block sequence entries are not allowed in this context',
  ],
  [
    '{{parseYAML "a: - b"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: - b">: error calling parseYAML: yaml: block sequence entries are not allowed in this context',
  ],
  [
    '{{parseYAML "x:\\n  y: 1\\n z: 2"}}',
    'execute: template: :1:2: executing "" at <parseYAML "x:\\n  y: 1\\n z: 2">: error calling parseYAML: yaml: line 2: did not find expected key',
  ],
  [
    '{{parseYAML "a: 1\\nb"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\nb">: error calling parseYAML: yaml: line 3: could not find expected \':\'',
  ],
  [
    '{{parseYAML "a: 1\\nb\\n"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\nb\\n">: error calling parseYAML: yaml: line 3: could not find expected \':\'',
  ],
  [
    '{{parseYAML "a: 1\\nb: [1\\n"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: 1\\nb: [1\\n">: error calling parseYAML: yaml: line 2: did not find expected \',\' or \']\'',
  ],
  [
    '{{parseYAML "a: {x: 1,\\n"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: {x: 1,\\n">: error calling parseYAML: yaml: line 1: did not find expected node content',
  ],
  [
    '{{parseYAML "a: \\"x\\n"}}',
    'execute: template: :1:2: executing "" at <parseYAML "a: \\"x\\n">: error calling parseYAML: yaml: line 2: found unexpected end of stream',
  ],
  [
    '{{parseYAML "- a\\n- b: c: d"}}',
    'execute: template: :1:2: executing "" at <parseYAML "- a\\n- b: c: d">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  ['{{parseYAML "foo: bar\\n baz"}} {{parseYAML "a: 1 # x\\n# y\\nb: 2"}}', 'map[foo:bar baz] map[a:1 b:2]'],
  [
    '{{parseYAML "- a\\n b: c\\n- d"}}',
    'execute: template: :1:2: executing "" at <parseYAML "- a\\n b: c\\n- d">: error calling parseYAML: yaml: line 2: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "a: [1 2, 3]"}} {{parseYAML "a: {b: c, d}"}} {{parseYAML "[a: b, c]"}}',
    'map[a:[1 2 3]] map[a:map[b:c d:<nil>]] [map[a:b] c]',
  ],
  [
    '{{parseYAML "just text: with: colons"}}',
    'execute: template: :1:2: executing "" at <parseYAML "just text: with: colons">: error calling parseYAML: yaml: mapping values are not allowed in this context',
  ],
  [
    '{{parseYAML "x: y\\nhost: a.b:80\\nurl: http://x/y?z#q\\ntime: 10:20"}} {{parseYAML "a: !!set {x, y}"}}',
    'map[host:a.b:80 time:10:20 url:http://x/y?z#q x:true] map[a:map[true:<nil> x:<nil>]]',
  ],
  [
    '{{parseYAML "a:\\n- b\\n- c:\\n    d: 1\\n  e: 2\\n"}} {{parseYAML "-\\n  a: 1\\n-\\n  - 2"}} {{parseYAML "a: >-\\n  x\\n\\n  y\\n\\n\\n  z\\n"}} {{parseYAML "a: |2\\n   x\\n  y"}}',
    'map[a:[b map[c:map[d:1] e:2]]] [map[a:1] [2]] map[a:x\ny\n\nz] map[a: x\ny]',
  ],
  [
    '{{toTOML (sprig_dict "a" 1 "b" (sprig_dict "c" (sprig_dict "d" 1 "e" (sprig_list 1 2)) "x" 1.5) "l" (sprig_list (sprig_dict "p" 1) (sprig_dict "q" (sprig_dict "r" 2))) "n" nil "s" "q\\"\\n\\t\\x01é" "k k" true "" 1)}}',
    '"" = 1\na = 1\n"k k" = true\ns = "q\\"\\n\\t\\u0001é"\n\n[b]\n  x = 1.5\n  [b.c]\n    d = 1\n    e = [1, 2]\n\n[[l]]\n  p = 1\n\n[[l]]\n  [l.q]\n    r = 2',
  ],
  [
    '{{toTOML (sprig_dict "m" (sprig_list 1 (sprig_dict "a" 1 "b" 2)) "e" (sprig_list) "ed" (sprig_dict) "ll" (sprig_list (sprig_list 1) (sprig_list "x")) "f" 3.0 "u.v" (sprig_dict "w x" (sprig_dict "y" 1)))}}',
    'e = []\nf = 3.0\nll = [[1], ["x"]]\nm = [1, {a = 1, b = 2}]\n\n[ed]\n\n["u.v"]\n  ["u.v"."w x"]\n    y = 1',
  ],
  [
    '{{toTOML (sprig_dict "m" (sprig_list 1 nil))}}',
    'execute: template: :1:2: executing "" at <toTOML (sprig_dict "m" (sprig_list 1 nil))>: error calling toTOML: toTOML: toml: cannot encode array with nil element',
  ],
  [
    '{{toTOML (sprig_list (sprig_dict "a" 1))}}',
    'execute: template: :1:2: executing "" at <toTOML (sprig_list (sprig_dict "a" 1))>: error calling toTOML: toTOML: toml: top-level values must be Go maps or structs',
  ],
  [
    '{{toTOML nil}}',
    'execute: template: :1:2: executing "" at <toTOML nil>: error calling toTOML: reflect: call of reflect.Value.Type on zero Value',
  ],
  [
    '{{toTOML (parseYAML "a: 1")}}',
    'execute: template: :1:2: executing "" at <toTOML (parseYAML "a: 1")>: error calling toTOML: toTOML: toml: cannot encode a map with non-string key type',
  ],
  [
    '{{toTOML (sprig_dict "v" (sprig_semver "1.2.3") "t" (sprig_dict "v" (sprig_semver "1")))}} {{toJSON (sprig_semver "1.2")}}',
    'v = "1.2.3"\n\n[t]\n  v = "1.0.0" "1.2.0"',
  ],
  [
    '{{toTOML (sprig_dict "a" (sprig_dict "b" (sprig_list (sprig_dict "c" (sprig_dict "d" 1) "z" 1))))}}',
    '[a]\n\n  [[a.b]]\n    z = 1\n    [a.b.c]\n      d = 1',
  ],
  [
    '{{spew_sdump "a" 1 1.5 true nil (sprig_list 1 "x" nil) (sprig_dict "a" (sprig_list))}}',
    '(string) (len=1) "a"\n(int) 1\n(float64) 1.5\n(bool) true\n(interface {}) <nil>\n([]interface {}) (len=3 cap=3) {\n (int) 1,\n (string) (len=1) "x",\n (interface {}) <nil>\n}\n(map[string]interface {}) (len=1) {\n (string) (len=1) "a": ([]interface {}) {\n }\n}\n',
  ],
  [
    '{{spew_sdump (sprig_splitList "," "a,b") (sprig_until 2) (sprig_add 1 2) 1e6}}',
    '([]string) (len=2 cap=2) {\n (string) (len=1) "a",\n (string) (len=1) "b"\n}\n([]int) (len=2 cap=2) {\n (int) 0,\n (int) 1\n}\n(int64) 3\n(float64) 1e+06\n',
  ],
  [
    '{{spew_sdump (parseJSON `[1,{"a":[]},null,"s",[1,2,3]]`) (parseYAML "1: x")}}',
    '([]interface {}) (len=5 cap=8) {\n (float64) 1,\n (map[string]interface {}) (len=1) {\n  (string) (len=1) "a": ([]interface {}) {\n  }\n },\n (interface {}) <nil>,\n (string) (len=1) "s",\n ([]interface {}) (len=3 cap=4) {\n  (float64) 1,\n  (float64) 2,\n  (float64) 3\n }\n}\n(map[interface {}]interface {}) (len=1) {\n (int) 1: (string) (len=1) "x"\n}\n',
  ],
  [
    '{{spew_sprintf "%v %+v %#v %d %5.2f|%s %%" (sprig_list 1 "a" nil) (sprig_dict "a" 1) (sprig_list 1 (sprig_list "x") (sprig_splitList "," "a")) 5 1.5 "x"}}',
    '[1 a <nil>] map[a:1] ([]interface {})[(int)1 ([]interface {})[(string)x] ([]string)[a]] 5  1.50|x %',
  ],
  [
    '{{spew_sprintf "%v" nil}} {{spew_sprintf "%#v" nil}} {{spew_sprintf "%#v %v" 1.5 (sprig_semver "1.2")}} {{spew_sprintf "x"}} {{spew_sprintf "%#v" (sprig_dict "a" nil "b" (sprig_dict "c" 1))}}',
    '<nil> (interface {})<nil> (float64)1.5 <*>1.2.0 x (map[string]interface {})map[a:(interface {})<nil> b:(map[string]interface {})map[c:(int)1]]',
  ],
  [
    '{{$t := sprig_toDate "2006-01-02 15:04:05" "2024-02-29 13:04:05"}}{{$u := sprig_toDate "2006-01-02" "2024-01-01"}}{{$t.Month}} {{printf "%d %T" $t.Month $t.Month}} {{eq $t.Weekday 4}} {{$t.Weekday.String}} {{$t.Before $u}} {{$t.After $u}} {{($t.AddDate 1 0 0).Format "2006-01-02"}} {{$t.Truncate 3600000000000}} {{$t.Round 86400000000000}} {{($t.Add 1500000000).UTC}}',
    'February 2 time.Month true Thursday false true 2025-03-01 2024-02-29 13:00:00 +0000 UTC 2024-03-01 00:00:00 +0000 UTC 2024-02-29 13:04:06.5 +0000 UTC',
  ],
  [
    '{{$t := sprig_toDate "2006-01-02 15:04:05" "2024-02-29 13:04:05"}}{{$d := $t.Sub (sprig_toDate "2006-01-02" "2024-01-01")}}{{$d}} {{printf "%T %d %s %5v|" $d $d $d $d}} {{$d.Hours}} {{$d.Minutes}} {{$d.Milliseconds}} {{$d.Round 3600000000000}} {{$d.Truncate 60000000000}} {{sprig_int $d}} {{sprig_duration $d}} {{toJSON $d}} {{toYAML $d}} {{toTOML (sprig_dict "d" $d)}} {{spew_sprintf "%v %#v" $d $d}} {{sprig_kindOf $d}}',
    '1429h4m5s time.Duration 5144645000000000 1429h4m5s 1429h4m5s| 1429.0680555555555 85744.08333333333 5144645000 1429h0m0s 1429h4m0s 0 0s 5144645000000000 1429h4m5s d = "1429h4m5s" 1429h4m5s (time.Duration)1429h4m5s int64',
  ],
  [
    '{{$t := sprig_toDate "2006" "2024"}}{{$t.Sub 5}}',
    'execute: template: :1:45: executing "" at <5>: can\'t handle 5 for arg of type time.Time',
  ],
  [
    '{{$t := sprig_toDate "2006" "2024"}}{{$t.Month.Foo}}',
    'execute: template: :1:40: executing "" at <$t.Month.Foo>: can\'t evaluate field Foo in type time.Month',
  ],
  [
    '{{spew_sprintf "%T %q %[1]v" "a" 1}} {{spew_sprintf "%v" 1 nil (sprig_list "a")}} {{spew_sprintf "%#+v %-5v|%5d" (sprig_list 1) 2 3}} {{spew_sprintf "%*v" 1 2}}',
    "*spew.formatState '\\x01' a 1%!(EXTRA *spew.formatState=<nil>, *spew.formatState=[a]) ([]interface {})[(int)1] 2|    3 %!(BADWIDTH)2",
  ],
];
