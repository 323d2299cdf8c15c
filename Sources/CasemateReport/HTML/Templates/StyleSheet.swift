/// The style sheet of the page: colours in both schemes, then layout, drawings, paper.
package enum StyleSheet {
    /// All of it.
    package static let text = colors + base + blocks + details + drawings + adaptions

    private static let colors = """
        :root{color-scheme:light dark;--paper:#f5f6f8;--card:#fff;--ink:#18202b;--soft:#4f5b6b;--line:#d8dde5;--sunk:#eef1f5;
        --accent:#0b5597;--bad:#a3161d;--bad-sunk:#fdeeed;--warn:#7a4f00;--warn-sunk:#fdf4df;--good:#0c6239;--good-sunk:#e9f6ee;
        --s0:#0069a8;--s1:#c44a00;--s2:#00795a;--s3:#a0437f;--s4:#806000;--s5:#5a6472;--on:#fff}
        @media (prefers-color-scheme:dark){:root{--paper:#10141a;--card:#181e27;--ink:#e7ebf1;--soft:#a9b4c2;--line:#323c4a;--sunk:#212935;
        --accent:#86c0ff;--bad:#ff9d95;--bad-sunk:#3a1a1c;--warn:#f3c66f;--warn-sunk:#33270f;--good:#84d9a8;--good-sunk:#122b1e;
        --s0:#62b6f5;--s1:#ff9a5c;--s2:#43d3a6;--s3:#eba6cf;--s4:#ecc653;--s5:#b3bcc8;--on:#10141a}}

        """

    private static let base = """
        *{box-sizing:border-box}html{-webkit-text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:3.5rem}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",sans-serif;overflow-wrap:break-word}
        .wide{max-width:1080px;margin:0 auto;padding:0 24px}
        h1,h2,h3,h4,p,ul,ol,dl,dd,figure{margin:0}ul,ol{padding:0;list-style:none}
        h2{font-size:1.4rem;line-height:1.25;margin:0 0 .9rem;letter-spacing:-.01em}h3{font-size:1.12rem;line-height:1.35}h4{font-size:.95rem;line-height:1.35}
        main>section{margin-top:2.8rem}p{max-width:78ch}
        code{font:.9em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
        p code,li code{background:var(--sunk);padding:.05em .3em;border-radius:4px}
        a{color:var(--accent)}:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
        .faint{color:var(--soft)}.note{color:var(--soft);font-size:.9rem;margin-top:.4rem}.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
        .count{font-size:.95rem;font-weight:400;color:var(--soft);letter-spacing:0;margin-left:.4em}
        .skip{position:absolute;left:-999px;top:0;background:var(--card);padding:.6rem 1rem;z-index:9}.skip:focus{left:8px;top:8px}
        .icon{width:1.15em;height:1.15em;flex:none;fill:currentColor}.icon .cut{fill:none;stroke:var(--card);stroke-width:2.4;stroke-linecap:round;stroke-linejoin:round}
        .icon .open,.icon .stroke{fill:none;stroke:currentColor;stroke-width:2.2;stroke-linecap:round}
        .tag{display:inline-block;font-size:.8rem;line-height:1.4;font-weight:600;border:1px solid currentColor;border-radius:99px;padding:0 .6em}

        """

    private static let blocks = """
        .banner{background:var(--card);border-bottom:1px solid var(--line);border-top:8px solid var(--tone);padding:1.4rem 0 1.5rem}
        .fail{--tone:var(--bad)}.pass{--tone:var(--good)}.undecided{--tone:var(--warn)}
        .maker{font-weight:700;letter-spacing:.01em}.maker>span{font-weight:400;color:var(--soft)}
        .verdict{display:flex;gap:1rem;align-items:center;margin:1rem 0 .6rem}.verdict .icon{width:3.4rem;height:3.4rem;color:var(--tone)}
        h1{font-size:1.6rem;line-height:1.2;font-weight:600;min-width:0}h1 span{display:block}h1 .word{color:var(--tone);font-size:2.3rem;line-height:1.05;font-weight:800;letter-spacing:.01em}
        .reason{font-size:1.1rem}
        .facts{display:flex;flex-wrap:wrap;gap:.8rem 2.2rem;margin-top:1.1rem}.facts dt{font-size:.85rem;color:var(--soft)}.facts dd{font-weight:600;overflow-wrap:anywhere}
        .contents{position:sticky;top:0;z-index:5;background:var(--card);border-bottom:1px solid var(--line)}
        .contents ul{display:flex;gap:1.5rem;overflow-x:auto;scrollbar-width:none}.contents a{display:block;padding:.65rem 0;white-space:nowrap;text-decoration:none;font-size:.95rem}.contents a:hover{text-decoration:underline}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:12px}
        .cards li,.finding,.probe,.rules,.attacker,.none,.changes>li,figure{background:var(--card);border:1px solid var(--line);border-radius:10px}
        .cards li{padding:.8rem 1rem .9rem}.cards .name{font-size:.92rem;font-weight:600}.cards .name span{display:block;font-weight:400;font-size:.85rem;color:var(--soft)}
        .cards .value{font-size:1.75rem;line-height:1.3;font-weight:700;font-variant-numeric:tabular-nums}.cards .interval,.cards .faint,.cards .state{font-size:.85rem;color:var(--soft);font-variant-numeric:tabular-nums}
        .cards .interval span{white-space:nowrap}.cards .state{color:var(--good);font-weight:600;margin-top:.3rem}.cards .broken{border-color:var(--bad);box-shadow:inset 0 3px var(--bad)}.cards .broken .state{color:var(--bad)}
        .attacker,.none{padding:1rem 1.2rem}ul.attacker{border-left:6px solid var(--bad);font-size:1.1rem}.attacker li+li{margin-top:.7rem;padding-top:.7rem;border-top:1px solid var(--line)}
        .grouped{font-size:1rem}.grouped h3{font-size:.9rem;font-weight:600}.grouped a{color:var(--soft);text-decoration:none}.grouped a:hover{text-decoration:underline}.grouped p+p{margin-top:.35rem}
        .rules li{display:flex;gap:.7rem;padding:.75rem 1.1rem}.rules li+li{border-top:1px solid var(--line)}.rules .icon{margin-top:.2em}.rules li>div{min-width:0}
        .rules .kept .icon,.rules .kept .word{color:var(--good)}.rules .broken .icon,.rules .broken .word{color:var(--bad)}.rules .undecided .icon,.rules .undecided .word{color:var(--warn)}
        .rules .word,.severity .word{text-transform:uppercase;letter-spacing:.04em;font-size:.88rem;font-weight:700}

        """

    private static let details = """
        .finding{--tone:var(--soft);padding:1.1rem 1.3rem 1.2rem;border-left:6px solid var(--tone)}.finding+.finding,.probe+.probe{margin-top:16px}
        .critical,.high{--tone:var(--bad)}.medium{--tone:var(--warn)}.low{--tone:var(--accent)}.accepted{--tone:var(--soft)}
        .severity{display:flex;flex-wrap:wrap;gap:.2rem .55rem;align-items:center;color:var(--tone);margin-bottom:.35rem}.severity .rule{color:var(--soft);font-size:.88rem;overflow-wrap:anywhere;min-width:0}
        .finding h3{max-width:72ch}.finding>*+*,.probe>*+*,.more>*+*{margin-top:.9rem}.acceptance{background:var(--sunk);border-radius:8px;padding:.5rem .8rem}
        .texts li{padding-left:1.1rem;position:relative;max-width:78ch}.texts li::before{content:"–";position:absolute;left:0;color:var(--soft)}
        .remedy{background:var(--good-sunk);border-radius:8px;padding:.7rem 1rem}.remedy h4{color:var(--good)}
        .chips{display:flex;flex-wrap:wrap;gap:6px}.chips:empty{display:none}.chips li{font-size:.85rem;border:1px solid var(--line);border-radius:6px;padding:.05rem .5rem}
        summary{cursor:pointer;color:var(--accent);font-size:.93rem;padding:.2rem 0}summary code{color:var(--ink)}details>*+*{margin-top:.5rem}
        .code{background:var(--sunk);border-radius:8px;padding:.7rem 1rem;overflow-x:auto}.code code{display:block;white-space:pre-wrap}
        .scroll{overflow-x:auto;border:1px solid var(--line);border-radius:8px;background:var(--card)}
        table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}caption{text-align:left;font-weight:600;padding:.55rem .8rem .3rem}
        th,td{text-align:left;vertical-align:top;padding:.42rem .8rem;border-top:1px solid var(--line);min-width:4.5rem}td.long{overflow-wrap:anywhere;min-width:15rem}thead th{border-top:0;background:var(--sunk);font-size:.85rem;color:var(--soft);overflow-wrap:normal}
        .number{text-align:right;white-space:nowrap}caption~thead th{border-top:1px solid var(--line)}
        .probe{padding:1.1rem 1.3rem 1.3rem}.probe:not([open]):not(:target){padding:.65rem 1.3rem}.probe>summary{color:inherit;padding:0;display:flex;flex-wrap:wrap;gap:.1rem 1rem;align-items:baseline;list-style:none}
        .probe>summary::-webkit-details-marker{display:none}.probe>summary h3{flex:1 1 18rem}.probe>summary h3::before{content:"▸";display:inline-block;width:1.15em;color:var(--accent)}.probe[open]>summary h3::before,.probe:target>summary h3::before{content:"▾"}
        .probe:target::details-content{content-visibility:visible}.probe:not([open])+.probe:not([open]){margin-top:8px}
        .status{white-space:nowrap}.status .icon{vertical-align:-.2em;margin-right:.35em}.because{color:var(--warn);font-weight:600}
        .plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:14px}figure{padding:1rem 1.1rem;min-width:0}
        figcaption{font-size:.92rem;margin:.5rem 0 .3rem}figure h4{margin-bottom:.6rem}
        .changes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,310px),1fr));gap:10px}.changes>li{padding:.6rem .9rem;background:var(--sunk);border:0}.changes ul li::before{content:"→ ";color:var(--soft)}
        .turn .decision{display:inline-block;font-weight:600;color:var(--bad);margin:0 .4em}.turn .distance{color:var(--soft);font-size:.88rem}.changes .turn code{background:none}
        .pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:14px;align-items:start}
        .matrix tbody th{font-weight:600;min-width:11rem}.why td{border-top:0;padding-top:0;color:var(--soft)}.matrix{min-width:640px}.matrix a{color:inherit;text-decoration-color:var(--line);text-underline-offset:.2em}.cached{display:block;color:var(--soft);font-size:.85rem}
        main>section>*+*{margin-top:1rem}main>section>h2+*{margin-top:0}main>section>.finding+.finding,main>section>.probe+.probe{margin-top:16px}footer.wide{margin-top:3rem;padding-bottom:2.5rem;color:var(--soft);font-size:.9rem}

        """

    private static let drawings = """
        .picture{display:block;image-rendering:pixelated;max-width:none;background:#fff}
        .plot{display:block;width:100%;max-width:460px;height:auto}.plot{overflow:visible}.plot text{font-size:14px;fill:var(--ink)}.plot .tick,.plot .name{fill:var(--soft)}
        .grid{stroke:var(--line);stroke-width:1;fill:none}.axis{stroke:var(--soft);stroke-width:1.2;fill:none}
        .plot .s0{--c:var(--s0)}.plot .s1{--c:var(--s1)}.plot .s2{--c:var(--s2)}.plot .s3{--c:var(--s3)}.plot .s4{--c:var(--s4)}.plot .s5{--c:var(--s5)}
        .line{stroke:var(--c);stroke-width:2.2;fill:none;stroke-linejoin:round}.line.s1{stroke-dasharray:8 4}.line.s2{stroke-dasharray:2.5 3.5}.line.s3{stroke-dasharray:9 3 2 3}.line.s4{stroke-dasharray:14 4}.line.s5{stroke-dasharray:5 2 1 2 1 2}
        .band{fill:var(--c);opacity:.17}.marker{fill:var(--c);stroke:var(--card);stroke-width:1}.whisker{stroke:var(--c);stroke-width:1.5;fill:none}.whisker.over{stroke:var(--ink);stroke-width:1.4}
        .bar{fill:var(--c);stroke:var(--c);stroke-width:1.2;fill-opacity:.85}.bar.s1,.bar.s4{fill-opacity:.3}.bar.s2,.bar.s5{fill-opacity:.04;stroke-dasharray:4 2}
        .reference{stroke:var(--ink);stroke-width:1.3;stroke-dasharray:5 4;fill:none;opacity:.75}.reference.r1{stroke-dasharray:1.5 3.5}.reference.r2{stroke-dasharray:9 3 2 3}

        """

    private static let adaptions = """
        @media (max-width:640px){body{font-size:15.5px}.wide{padding:0 14px}h1{font-size:1.25rem}h1 .word{font-size:1.9rem}.verdict .icon{width:2.8rem;height:2.8rem}
        .facts{gap:.3rem}.facts>div{display:flex;gap:.8rem;width:100%}.facts dt{flex:0 0 5.2rem;line-height:1.75}main>section{margin-top:2.1rem}.cards{grid-template-columns:repeat(2,minmax(0,1fr));gap:8px}.cards li{padding:.65rem .75rem}.cards .value{font-size:1.4rem}
        .finding,.probe{padding:.9rem .9rem 1rem}figure{padding:.7rem .6rem;margin:0 -.2rem}th,td{padding:.4rem .6rem}thead th{white-space:normal}ul.attacker{font-size:1.03rem}.contents ul{gap:1.1rem}
        .matrix{min-width:0}.matrix thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}.matrix tr{display:flex;flex-wrap:wrap;gap:0 .9rem;padding:.55rem .8rem;border-top:1px solid var(--line)}.matrix tbody tr:first-child{border-top:0}
        .matrix th,.matrix td{display:block;border:0;padding:0;min-width:0}.matrix tbody th{flex:1 1 60%}.matrix td:nth-child(n+3){font-size:.85rem;color:var(--soft)}.matrix .nil{display:none}.matrix tr.why{border:0;padding-top:0;margin-top:-.4rem}.matrix tr.why td{font-size:.9rem}
        .matrix td:nth-child(3)::before{content:"stage: "}.matrix td:nth-child(5)::before{content:"violates: "}.matrix td:nth-child(6)::before{content:"attacker knows: "}.matrix .status{flex:0 0 auto}.cached{display:inline}.probe>summary h3{flex-basis:100%}}
        @media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
        @media (forced-colors:active){.icon,.marker,.bar{forced-color-adjust:none}}
        @media print{@page{margin:14mm}:root{--paper:#fff;--card:#fff;--ink:#000;--soft:#3c4653;--line:#c4cad3;--sunk:#f2f4f7;--accent:#0b3f73;--bad:#8f1017;--warn:#6b4500;--good:#0a5230;--good-sunk:#f1f8f4;
        --s0:#0069a8;--s1:#c44a00;--s2:#00795a;--s3:#a0437f;--s4:#806000;--s5:#5a6472}
        body{font-size:10.5pt}.contents,.skip,details:not([open]):not(.probe):not(.more){display:none}.probe::details-content,.more::details-content{content-visibility:visible}.more>summary{display:none}.wide{max-width:none;padding:0}.scroll{overflow:visible;border:0}.matrix{min-width:0}th,td{min-width:0}
        .finding,.probe figure,.cards li,.changes>li,tr{break-inside:avoid}h2,h3,h4,caption{break-after:avoid}.plots{grid-template-columns:1fr 1fr}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
        """
}
