/** Words and phrases that the summary model looks for. */
import type { Word } from './words.ts';

function set(words: string): ReadonlySet<string> {
  return new Set(words.split(' '));
}

export const FIRST_PERSON = set('we our us');

/** A sentence that begins so points at another. */
export const PRONOUNS = set(
  'he she it they this that these those his her its their him them such there here ' +
    'er sie es dies diese dieser dieses ihr ihre sein seine il elle ils elles ce cela cette ces son sa ses ' +
    'él ella ellos ellas esto este esta estos estas su sus lui lei essi questo questa questi queste ' +
    'ele ela eles elas isto isso este esta estes estas seu sua',
);

export const CONNECTIVES = set(
  'but and so or however also moreover furthermore therefore thus hence meanwhile then nevertheless nonetheless ' +
    'instead still yet additionally besides consequently otherwise similarly likewise finally secondly thirdly ' +
    'afterwards later aber und doch jedoch außerdem auch deshalb daher dann mais et donc cependant toutefois aussi ' +
    'ainsi puis pero y sin también además entonces ma e però inoltre anche quindi poi mas porém também além então',
);

export const PAST_OPENERS = set(
  'in since by from during until after before im seit en depuis desde nel dal em',
);

const CUES = {
  contribution:
    'we propose,we present,we introduce,we show,we demonstrate,we develop,we study,we investigate,we describe,' +
    'we provide,we explore,we prove,we find,we argue,we address,we analyze,we examine,we design,we consider,' +
    'we apply,we extend,we formulate,we show that,this paper,this work,this article,in this paper,in this work,' +
    'our approach,our method,our model,our work,paper proposes,paper presents,paper introduces,a novel,a new,' +
    'is proposed,are proposed,is presented,is introduced,this study,the study,here we,we report,aims to,aim of,' +
    'the objective,the purpose of,the present study',
  scholarly:
    'this paper,this work,this study,the present study,this article proposes,this thesis,we propose,we present,' +
    'we introduce,we show,we demonstrate,we develop,we investigate,we prove,our method,our approach,our model,' +
    'our results,our experiments,state of the art,here we',
  result:
    'outperform,outperforms,outperforming,achieve,achieves,achieving,improve,improves,improvement,improvements,' +
    'state of the art,results,result,experiments,experimental,empirically,empirical,evaluate,evaluation,' +
    'significantly,performance,accuracy,benchmark,benchmarks,datasets',
  conclusion:
    'conclude,concluded,conclusion,in summary,to summarize,in short,overall,in conclusion,in the end,as a result,' +
    'decided,decision,agreed,agree to,action item,next step,next steps,deadline,will be,key,important,main,' +
    'the goal,we need to,we will,by friday,by monday,approved,suggest that,suggests that,indicate that,shows that',
  background:
    'recent,recently,in recent years,have been,has been,is a,are a,however,existing,traditional,typically,' +
    'commonly,many,widely,often,despite,prior work,previous,for example,for instance,such as,e g',
  attribution:
    'said,says,told,according to,added,stated,commented,explained,noted,claimed,tweeted,spokesman,spokesperson,' +
    'spokeswoman,asked',
  event:
    'announced,killed,died,arrested,elected,won,defeated,launched,signed,approved,struck,injured,reported,resigned,' +
    'passed,voted,charged,sentenced,found,released,began,opened,closed,crashed,attacked,confirmed,ruled,banned,' +
    'agreed,acquired,raised,fell,rose',
  decision:
    'we decided,decided to,decision,agreed,agree to,action item,action items,next step,next steps,deadline,must,' +
    'need to,have to,has to,make sure,please,the main topic,main topic,the goal,the plan,we move,we will,postponed,' +
    'moved to,is due,due on,due by,by monday,by tuesday,by wednesday,by thursday,by friday,by tomorrow,by the end of,' +
    'recommend,overall,in summary,conclusion,the problem is,the issue is,the biggest,most important,it turns out,' +
    'shows that,shows,will be closed,will not be,closed from,cancelled,canceled,approved,not worth,worth it,' +
    'disappointed,refund,wir haben beschlossen,beschlossen,entschieden,müssen,bitte,décidé,il faut,doit,decidido,' +
    'hay que,deciso,bisogna,precisamos',
  smallTalk:
    'hi everyone,hello everyone,hi team,hi all,hello all,good morning,good afternoon,good evening,for joining,' +
    'for coming,hear me,loud and clear,bye,goodbye,see you,have a great,have a nice,have a good,welcome back,' +
    'welcome to,how are you,hope you are,hope you re,hope you,kind regards,best regards,regards,get started,' +
    'anything else,would be great,thanks a lot,many thanks,thank you,oh no,of course,nice to meet,thank you so much,thanks everyone,thank you all,thank you everyone,no problem,' +
    "sounds good,you're welcome,dear,thanks for having me,thank you for having me,liebe grüße,mit freundlichen," +
    'guten morgen,hallo zusammen,bonjour à tous,cordialement,buenos días,un saludo,buongiorno,bom dia',
  chat:
    "i,you,me,my,yeah,okay,ok,um,uh,hi,hello,thanks,thank you,i'm,i think,don't,let's,guys,right,so um,you know," +
    'welcome,good morning',
  boilerplate:
    'subscribe,unsubscribe,newsletter,sign up for,sign up to,sign in,log in to,login,we use cookies,use of cookies,' +
    'accept cookies,cookie policy,privacy policy,terms of use,terms of service,terms and conditions,' +
    'all rights reserved,copyright,click here,click to,read more,read also,follow us,share this,share on,' +
    'advertisement,sponsored content,skip to,main content,related articles,you may also like,download the app,' +
    'download our app,contact us,about us,back to top,view all,see also,home news,breaking news,trending now,' +
    'enable javascript,your browser,free trial,create an account,our journalism,support us,leave a comment,min read,' +
    'minutes read,getty images,image credit,photo credit,editing by,reporting by,staff writer,staff reporter,' +
    'last updated,published on,posted on,updated at,hours ago,days ago,like us on,abonnieren,alle rechte vorbehalten,' +
    'weiterlesen,datenschutz,impressum,tous droits réservés,lire aussi,abonnez vous,lire la suite,' +
    'todos los derechos reservados,suscríbete,leer más,tutti i diritti riservati,iscriviti,leggi anche,' +
    'todos os direitos reservados,assine,leia mais,leia também',
} as const;

export type CueName = keyof typeof CUES;

interface Phrase {
  readonly words: readonly string[];
  readonly cue: CueName;
}

const byFirstWord = new Map<string, Phrase[]>();
for (const cue of Object.keys(CUES) as CueName[]) {
  for (const phrase of CUES[cue].split(',')) {
    const words = phrase.trim().split(' ');
    byFirstWord.set(words[0]!, [...(byFirstWord.get(words[0]!) ?? []), { words, cue }]);
  }
}

/** How often the phrases of each cue occur among the words. */
export function countCues(words: readonly Word[]): Record<CueName, number> {
  const counts: Record<CueName, number> = {
    contribution: 0,
    scholarly: 0,
    result: 0,
    conclusion: 0,
    background: 0,
    attribution: 0,
    event: 0,
    decision: 0,
    smallTalk: 0,
    chat: 0,
    boilerplate: 0,
  };
  for (let at = 0; at < words.length; at++) {
    for (const { words: phrase, cue } of byFirstWord.get(words[at]!.text) ?? []) {
      if (phrase.every((word, i) => words[at + i]?.text === word)) counts[cue]++;
    }
  }
  return counts;
}

/** Labels of structured abstracts, and what their first sentence is worth beside the others. */
const SECTIONS: ReadonlyMap<string, number> = new Map([
  ...worth('conclusion conclusions interpretation significance', 0.5),
  ...worth('result results finding findings', 0.25),
  ...worth('objective objectives aim aims purpose', 0.05),
  ...worth('background context introduction method methods design setting participants funding', -0.4),
]);

function worth(labels: string, value: number): [string, number][] {
  return labels.split(' ').map((label) => [label, value]);
}

/** 0 for a sentence without such a label. */
export function sectionWorth(text: string, words: readonly Word[]): number {
  const first = words[0]!;
  return text.charAt(first.end) === ':' ? (SECTIONS.get(first.text) ?? 0) : 0;
}
